"""`%queue`: what waits, in which order, and what holds it up."""

import inspect
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class

from bec_kernel.client.queue import (
    Lines,
    complete_queue_command,
    queue_help,
    run_queue_command,
)
from bec_magics.setup import Session


@magics_class
class QueueMagics(Magics):
    """A magic parses its line, calls one client function and returns what to show."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    def queue(self, line: str) -> object:
        """Show the queue, or act on it: `%queue move 3 top`, `%queue lock hutch open`.

        Without words: what runs, what waits for what, what holds it up.
        """
        if line.strip() in ("--help", "--list"):
            return Lines(queue_help().splitlines())
        return run_queue_command(self.session.client.queue, line)

    def complete_queue(self, text: str) -> list[str]:
        """List candidates for the next word behind `%queue`."""
        return complete_queue_command(self.session.client.queue, text)

    def explain_magic(self) -> str:
        """Return the help of `%queue?`: with the words there are."""
        told = inspect.cleandoc(type(self).queue.__doc__ or "")
        return f"{told}\n\n{queue_help()}"
