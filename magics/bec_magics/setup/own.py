"""`%instance`: an instance of one's own, gone with the kernel."""

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from bec_kernel.errors import RefusedError
from bec_magics.scans import Words
from bec_magics.setup.session import Session


@magics_class
class InstanceMagics(Magics):
    """A magic parses its line, calls one client function and returns what to show."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @magic_arguments()
    @argument("--private", action="store_true", help="start one for this kernel alone")
    @argument("--virtual", action="store_true", help="simulated, in virtual time")
    @argument("--devices", default="", help="device list: a file or a folder")
    @argument("--stop", action="store_true", help="stop the private instance")
    @line_magic
    def instance(self, line: str) -> Any:
        """Choose the instance: `%instance --private --virtual`.

        Without options: say which one is used.
        """
        wanted = parse_argstring(self.instance, line)
        if wanted.virtual and not wanted.private:
            raise RefusedError(
                "--virtual is for an instance of one's own: %instance --private "
                "--virtual",
                subject="--virtual",
            )
        if wanted.stop:
            self.session.stop_private()
            return None
        if not wanted.private:
            return self.session.client
        self.session.start_private(virtual=wanted.virtual, devices=wanted.devices)
        clock = "virtual time" if wanted.virtual else "wall clock"
        return Words(f"a private instance, {clock}: it is gone with this kernel")
