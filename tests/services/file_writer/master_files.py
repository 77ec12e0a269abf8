"""Write a master file from a recorded scan, and compare two files."""

import h5py
import numpy as np

from bec_kernel.bus.changes import Append
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    keys,
)
from bec_services.file_writer.service import run
from tests.services.recorded import (
    begin,
    new_life,
    running,
    take,
    until,
)


def written(data, log, *more, **changes):
    """Write a scan at once, with `more` on the bus; return the open file."""
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    take(bus, "file_writer", begin(**changes))
    bus.commit([*more, *(Append(keys.points("scan1"), e, at) for at, e in log)])
    with running(new_life("file_writer", broker, data), run):
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    return h5py.File(bus.last(keys.files("scan1")).message.path)


PLACE = "files/S00000-00999/S00042/S00042_master.h5"


def everything(path):
    """All datasets of a file, by path."""
    found = {}

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset):
            found[name] = (thing[()], dict(thing.attrs))

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_equal(one[name], two[name])


def until_there(life, path):
    """Wait for the file; this process must not open it beside its writer."""
    for _ in range(1000):
        if path.exists():
            return
        life.over.wait(0.01)
    raise AssertionError(f"{path} never came")
