"""The Jupyter kernel `bec`: IPython, with the beamline in its namespace."""

import asyncio
from collections.abc import Callable
from typing import Any

from ipykernel.ipkernel import IPythonKernel

from bec_kernel.errors import BecError
from bec_kernel.jupyter.comms import handle_beside_the_cell
from bec_kernel.version import __version__

GRACE = 1.0
"""Time for a cell to handle an interrupt by itself, s."""
EXTENSION = "bec_magics"
"""Loaded by name: the kernel is a layer below the magics."""


class BecKernel(IPythonKernel):
    """IPython kernel that loads `bec_magics`, and aborts the scan of a stuck cell.

    Attributes:
        on_interrupt: callback, called in the control thread when the user interrupts.
            It returns a function, called `GRACE` s later in the same thread, that
            aborts scans the cell still waits for, for example because foreign code
            has swallowed the interrupt. None: only the usual interrupt.
    """

    implementation = "bec"
    implementation_version = __version__
    on_interrupt: Callable[[], Callable[[], None]] | None = None

    def __init__(self, **kwargs: Any) -> None:
        """Start IPython and load the magics."""
        super().__init__(**kwargs)
        handle_beside_the_cell()
        shell: Any = self.shell
        shell.extension_manager.load_extension(EXTENSION)

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Interrupt the cell; where that was not enough, abort its scan from here."""
        insist = self.on_interrupt() if self.on_interrupt else None
        await super().interrupt_request(stream, ident, parent)
        if insist is not None:
            asyncio.get_running_loop().call_later(GRACE, self._insist, insist)

    def _insist(self, insist: Callable[[], None]) -> None:
        try:
            insist()
        except BecError as error:
            self.log.warning("interrupt: %s", error)
