"""`%scans`: scans of the past, listed and looked for."""

import inspect
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class

from bec_kernel.client.history import (
    complete_history_command,
    history_help,
    run_history_command,
)
from bec_kernel.client.queue import Lines
from bec_magics.setup import Session


@magics_class
class HistoryMagics(Magics):
    """IPython magic `%scans`: list, search and show scans of the past."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    def scans(self, line: str) -> object:
        """List the last scans, or look for some: `%scans --since 2d --user ada gold`.

        `%scans 7` is the report of scan 7, `%scans -1` that of the last one.
        """
        if line.strip() in ("--help", "--list"):
            return Lines(history_help().splitlines())
        return run_history_command(self.session.client.history, line)

    def complete_scans(self, text: str) -> list[str]:
        """List candidates for the next word behind `%scans`."""
        client = self.session.client
        return complete_history_command(lambda: sorted(client.dev.names()), text)

    def explain_magic(self) -> str:
        """Return the help of `%scans?`: with the options there are."""
        told = inspect.cleandoc(type(self).scans.__doc__ or "")
        return f"{told}\n\n{history_help()}"
