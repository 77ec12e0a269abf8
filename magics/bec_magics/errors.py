"""Errors of ours as one line: the thing, the value, what was allowed."""

from typing import Any

from bec_kernel.errors import BecError


def show_in_one_line(shell: Any) -> tuple[Any, Any]:
    """Show a `BecError` as one line; return what was there before, to be put back."""
    before = (shell.custom_exceptions, getattr(shell, "CustomTB", None))
    shell.set_custom_exc((BecError,), _show)
    return before


def put_back(shell: Any, before: tuple[Any, Any]) -> None:
    """Show errors as before."""
    exceptions, shown = before
    shell.custom_exceptions = exceptions
    if shown is not None:
        shell.CustomTB = shown


def _show(
    shell: Any, kind: type[BaseException], error: BaseException, *_: Any, **__: Any
) -> list[str]:
    lines = [f"{kind.__name__}: {error}"]
    # The shell's own way to show a finished traceback: a kernel sends it as an error,
    # a terminal prints it. There is no public one.
    shell._showtraceback(kind, error, lines)  # noqa: SLF001
    return lines
