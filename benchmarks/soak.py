"""Pictures of a very long scan: what it costs a point, and what its parts hold.

BEC_SOAK_SAMPLES=soak.json pytest -m soak tests/system/test_soak.py
python -m benchmarks.soak soak.json docs/pictures
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from bec_kernel.svg import Curve, line_plot

COLOURS = {"broker": "#c33", "scan_bundler": "#36c", "file_writer": "#393"}


def main(samples: Path, folder: Path) -> None:
    """Draw what a soak has measured into `soak_memory.svg` and `soak_pace.svg`."""
    found: list[Any] = json.loads(samples.read_text())
    points, last = found[-1][0], found[-1][1]
    memory = [
        Curve([(count, sizes[name]) for count, _, sizes in found], colour)
        for name, colour in COLOURS.items()
    ]
    known = "red: broker, blue: scan_bundler, green: file_writer"
    notes = [f"a scan of {points} points; {known}"]
    title = "Memory while a scan grows"
    picture = line_plot(memory, title=title, notes=notes, x="points", y="MB")
    (folder / "soak_memory.svg").write_text(picture + "\n")
    pairs = [
        (after[0], 1e3 * (after[1] - before[1]) / (after[0] - before[0]))
        for before, after in itertools.pairwise([(0, 0.0), *found])
    ]
    title, notes = "Time a point", [f"{points} points in {last / 60:.1f} min"]
    pace = [Curve(pairs, COLOURS["scan_bundler"]), Curve([(0, 0.0)], "#fff")]
    picture = line_plot(pace, title=title, notes=notes, x="points", y="ms")
    (folder / "soak_pace.svg").write_text(picture + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
