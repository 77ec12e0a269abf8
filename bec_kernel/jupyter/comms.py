"""Handle messages of widgets while a cell is blocked."""

from typing import Any

from ipykernel.comm.comm import BaseComm


def handle_beside_the_cell() -> None:
    """Let a widget's message be handled by the subshell it was sent to.

    ipykernel 7.4 routes it to the shell that last published on the widget instead: a
    card's buttons would wait for the cell they are meant to stop. Older kernels have no
    such routing and are left as they are.
    """
    if hasattr(BaseComm, "_reply_subshell_for"):
        setattr(BaseComm, "_reply_subshell_for", _as_sent)  # noqa: B010 - not declared


def _as_sent(_: BaseComm, data: Any, default: Any) -> Any:
    return default
