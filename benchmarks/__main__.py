"""`python -m benchmarks`: ours beside Bluesky's RunEngine, in one run."""

import sys
from functools import partial

from rich.console import Console
from rich.table import Table

from bec_kernel.client import Client
from benchmarks import frames, ours, peers

POINTS = 1000
RUNS = 5


def main() -> int:
    """Measure and print; 0 if the figures to reach were reached."""
    theirs = [peers.run_engine(POINTS) for _ in range(RUNS)]
    scan = 1e3 * ours.median([s for s, _ in theirs]) / POINTS
    one = 1e3 * ours.median([s for _, s in theirs])
    table = Table("what", "RunEngine", "ours", "ratio", "broker CPU", "points behind")
    best = 0.0
    for lookahead in (1, 16):
        with ours.instance(lookahead) as client:
            ours.step_scan(client, 50)  # everything is imported and warm
            runs = [ours.step_scan(client, POINTS) for _ in range(RUNS)]
            ms = 1e3 * ours.median([run["seconds"] for run in runs]) / POINTS
            cpu = 1e3 * ours.median([run["broker"] for run in runs]) / POINTS
            table.add_row(
                f"step scan, look-ahead {lookahead}, ms a point",
                f"{scan:.2f}",
                f"{ms:.2f}",
                f"{scan / ms:.1f} x faster",
                f"{cpu:.3f} ms",
                f"{max(run['behind'] for run in runs):.0f}",
            )
            best = ms
            ours.settle(client)
            read = 1e3 * ours.each_call(client.dev.samx.read)
            place = client.dev.samx.position
            move = 1e3 * ours.each_call(partial(client.dev.samx.set, place))
            single = _single(client)
            late = 1e3 * ours.median([ours.closed_to_file(client) for _ in range(20)])
            hundred = ours.queued(client, 100)
    table.add_row(
        "one-point scan, ms", f"{one:.1f}", f"{single:.1f}", f"{one / single:.2f} x"
    )
    table.add_row("from closed to the complete file, ms", "", f"{late:.1f}")
    _many(table)
    table.add_row("100 queued one-point scans, s", "", f"{hundred:.2f}")
    table.add_row("uncached read of a device, ms", "", f"{read:.2f}")
    table.add_row("zero-length move through a call, ms", "", f"{move:.2f}")
    _frames(table)
    Console(width=110).print(table)
    return 0 if best <= 2.0 and single <= 50.0 else 1


def _many(table: Table) -> None:
    """Measure with many devices configured that no scan uses."""
    with ours.instance(16, more=1000) as client:
        ours.step_scan(client, 50)
        runs = [ours.step_scan(client, POINTS) for _ in range(RUNS)]
        ms = 1e3 * ours.median([run["seconds"] for run in runs]) / POINTS
        what = "step scan, look-ahead 16, 1000 more devices, ms a point"
        table.add_row(what, "", f"{ms:.2f}")
    for kind in ("on_request", "baseline"):
        with ours.instance(16, more=500, kind=kind) as client:
            what = f"one-point scan, 500 more devices ({kind}), ms"
            table.add_row(what, "", f"{_single(client):.1f}")


def _frames(table: Table) -> None:
    """Measure how fast frames reach a camera's file."""
    for words, compress in (("", False), (", compressed", True)):
        speed = ours.median([frames.rate(compress=compress) for _ in range(RUNS)])
        row = f"frames into a camera's file{words}, MB/s"
        table.add_row(row, "", f"{speed:.0f}")


def _single(client: Client) -> float:
    """Return the median ms of a one-point scan, from the request until it is closed."""
    ours.one_point_scan(client)
    return 1e3 * ours.median([ours.one_point_scan(client) for _ in range(4 * RUNS)])


if __name__ == "__main__":
    sys.exit(main())
