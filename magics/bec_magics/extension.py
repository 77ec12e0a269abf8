"""Put everything into an IPython, and take all of it out again."""

import sys
from collections.abc import Callable
from typing import Any

from bec_kernel.client import ScanReport
from bec_magics.completion import matcher_for, matcher_of_names
from bec_magics.data import HistoryMagics
from bec_magics.errors import put_back, show_in_one_line
from bec_magics.motion import MoveMagics
from bec_magics.scans import QueueMagics, ScanMagics, bundle_of, matcher_of_metadata
from bec_magics.setup import InstanceMagics, Session

_LOADED: dict[Any, list[Callable[[], None]]] = {}
"""How to undo it, by shell."""


def load_ipython_extension(shell: Any) -> None:
    """Add the magics, their completion, the names `bec dev scans queue history`."""
    unload_ipython_extension(shell)
    session = Session(shell)
    scan, move = ScanMagics(shell, session), MoveMagics(shell, session)
    own, queue = InstanceMagics(shell, session), QueueMagics(shell, session)
    history = HistoryMagics(shell, session)
    undo = [
        _register(shell, scan, move, own, queue, history),
        _complete(shell, scan, move, queue, history),
    ]
    before = show_in_one_line(shell)
    undo += [lambda: put_back(shell, before), _show_reports(shell, session)]
    explained: Any = type(scan).scan
    explained.getdoc = scan.explain_magic  # what IPython asks for `%scan?`
    explained = type(queue).queue
    explained.getdoc = queue.explain_magic
    explained = type(history).scans
    explained.getdoc = history.explain_magic
    _reach_kernel(shell, session)
    session.bind_later()
    undo.append(session.close)
    _LOADED[shell] = undo


def unload_ipython_extension(shell: Any) -> None:
    """Take everything away; IPython's own alias `%mv` is back."""
    for step in _LOADED.pop(shell, []):
        step()


def _register(shell: Any, *magics: Any) -> Callable[[], None]:
    table = shell.magics_manager.magics["line"]
    names = [name for one in magics for name in one.magics["line"]]
    before = {name: table.get(name) for name in names}
    aliases = shell.alias_manager
    defaults = list(aliases.default_aliases)
    # `%reset` and leaving define them anew, and complain about a name that is taken.
    aliases.default_aliases = [one for one in defaults if one[0] not in names]
    shell.register_magics(*magics)

    def undo() -> None:
        aliases.default_aliases = defaults
        for name, old in before.items():
            table.pop(name, None)
            if old is not None:
                table[name] = old

    return undo


def _complete(
    shell: Any,
    scan: ScanMagics,
    move: MoveMagics,
    queue: QueueMagics,
    history: HistoryMagics,
) -> Callable[[], None]:
    matcher = matcher_for(
        {
            "scan": scan.complete_scan,
            "ct": scan.complete_ct,
            "mv": move.complete_mv,
            "umv": move.complete_mv,
            "mvr": move.complete_mvr,
            "wa": move.complete_motors,
            "stop": move.complete_devices,
            "queue": queue.complete_queue,
            "scans": history.complete_scans,
        }
    )
    of_metadata = matcher_of_metadata(scan.session)
    ours = [matcher, matcher_of_names(shell), of_metadata]
    matchers = shell.Completer.custom_matchers
    matchers += ours

    def undo() -> None:
        for one in ours:
            matchers.remove(one)

    return undo


def _show_reports(shell: Any, session: Session) -> Callable[[], None]:
    """A notebook shows a report as text and picture."""
    formatter = shell.display_formatter.mimebundle_formatter

    def bundle(report: ScanReport, include: Any = None, exclude: Any = None) -> Any:
        return bundle_of(report, session.client)

    formatter.for_type(ScanReport, bundle)

    def undo() -> None:
        formatter.pop(ScanReport, None)

    return undo


def _reach_kernel(shell: Any, session: Session) -> None:
    """Let an interrupt reach the scan even where the cell is stuck."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    if hasattr(kernel, "on_interrupt"):
        kernel.on_interrupt = session.interrupted
    if "ipykernel" in sys.modules:
        from bec_kernel.jupyter import handle_beside_the_cell

        handle_beside_the_cell()
