"""The commands `queue`, `history` and `alarms`, with the words of the magics."""

from typing import Annotated

import typer

from bec_kernel.cli.options import WORDS, Data, command, say

_NUMBER = 10
"""A scan number has fewer digits than this, an id more."""


@command(context_settings=WORDS)
def queue(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS…", help="As after %queue.")
    ] = None,
    data: Data = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Show the words there are.")
    ] = False,
) -> None:
    """Show a queue, or act on what waits in it.

    `bec queue --list` lists the words.

    Example: bec queue move 3 top
    """
    from bec_kernel.cli.scan import quoted
    from bec_kernel.client import connect
    from bec_kernel.client.queue import queue_help, run_queue_command

    if listed:
        say(queue_help())
        return
    with connect(data) as client:
        line = " ".join(quoted(word) for word in words or [])
        say(repr(run_queue_command(client.queue, line)))


@command(context_settings=WORDS)
def history(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS…", help="As after %scans.")
    ] = None,
    data: Data = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Show the options there are.")
    ] = False,
) -> None:
    """List the last scans, or look for some.

    A number alone is that scan. `bec history --list` lists what one can look for.

    Example: bec history --user ada --since 2d gold
    """
    from bec_kernel.cli.scan import quoted
    from bec_kernel.client import connect
    from bec_kernel.client.history import history_help, run_history_command

    if listed:
        say(history_help())
        return
    with connect(data) as client:
        line = " ".join(quoted(word) for word in words or [])
        say(repr(run_history_command(client.history, line)))


@command()
def alarms(
    data: Data = None,
    scan_id: Annotated[
        str, typer.Option("--scan", help="Only of the scan with this number or id.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number.")] = 20,
    *,
    everyone: Annotated[
        bool, typer.Option("--all", help="Those that concern others, too.")
    ] = False,
) -> None:
    """List the newest alarms, and what to do.

    Example: bec alarms --limit 5
    """
    from bec_kernel.client import ScanReport, connect
    from bec_kernel.client.history import run_history_command

    with connect(data) as client:
        if scan_id and len(scan_id) < _NUMBER:
            found = run_history_command(client.history, scan_id)
            scan_id = found.scan_id if isinstance(found, ScanReport) else scan_id
        say(repr(client.alarms(limit, scan_id=scan_id, all_users=everyone)))
