"""What another process sees of a file that is written."""

import subprocess
import sys

import pytest

from bec_kernel.bus.changes import Append
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    keys,
)
from bec_services.file_writer.service import run
from bec_services.file_writer.tree.streams import ALIGNED
from tests.services.file_writer.every_scan import counts, play, point_log
from tests.services.file_writer.gas import (
    FLOW,
    put_devices,
    rows_log,
)
from tests.services.file_writer.master_files import until_there
from tests.services.recorded import (
    new_life,
    running,
    until,
)

ROLE = "file_writer"


READER = """
import sys, time, h5py, numpy as np
with h5py.File(sys.argv[1], "r", swmr=True) as file:
    grid, flow = file["entry/data/det"], file[sys.argv[2]]
    for line in sys.stdin:
        taken, rows = map(int, line.split())
        until = time.monotonic() + 20
        while time.monotonic() < until:
            grid.refresh(), flow.refresh()
            if np.count_nonzero(grid[()]) >= taken and len(flow) >= rows:
                break
        print(grid[()].ravel().tolist(), flow[:].tolist(), flush=True)
"""


@pytest.mark.processes
def test_another_process_sees_a_grid_and_aligned_rows_grow(tmp_path):
    bus = MemoryBus(MemoryBroker())
    put_devices(bus)
    line = "grid_scan samx 0 1 2 samy 0 1 2"
    log = [Append(keys.points("scan1"), e, at) for at, e in point_log(line, 1)]
    rows = rows_log(FLOW)
    play(bus, line, 1, first=2, also="gas")
    path = tmp_path / "files" / "S00000-00999" / "S00001" / "S00001_master.h5"
    with running(new_life(ROLE, bus.broker, tmp_path), run) as life:
        until_there(life, path)
        with subprocess.Popen(
            [sys.executable, "-c", READER, path, f"{ALIGNED}/gas/gas_flow_a/value"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reader:
            seen = []
            for taken, some in ((1, 1), (3, 2), (4, 3)):
                bus.commit([*log[: taken + 1], *rows[:some]])
                print(taken, some, file=reader.stdin, flush=True)
                seen.append(reader.stdout.readline().strip())
            reader.stdin.close()
        bus.commit([*log[5:], rows[-1]])
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    grid = [counts(n) for n in range(4)]
    assert seen == [
        f"{[grid[0], 0, 0, 0]} [0.25]",
        f"{[grid[0], grid[1], 0, grid[2]]} [0.25, 1.25]",
        f"{[grid[0], grid[1], grid[3], grid[2]]} [0.25, 1.25, 2.25]",
    ]
