"""A scan that is no longer on the bus is read from its file, and looks the same."""

import numpy as np
import pandas as pd
import pytest

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id
from bec_kernel.client import Client
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    ScanState,
    StateChange,
    keys,
)
from bec_services.file_writer import requests
from bec_services.file_writer.service import run
from bec_services.scihub.service import run as run_scihub
from tests.services.file_writer.filed_scan import bus as _bus, forget, told
from tests.services.file_writer.gas import (
    FIT,
    POINTS,
    everything_sent,
    gas_scan,
    points,
)
from tests.services.recorded import T0, configuration, new_life, running, take, until

bus = _bus


def recorded(bus, tmp_path):
    """A scan that ran, was written, and is in the database."""
    take(bus, "file_writer", gas_scan())
    taken = bus.get_all(keys.todo["file_writer"]("main"))["scan1"]
    put(bus, keys.todo["scihub"]("main"), taken, "scan1")
    closed = StateChange(state=ScanState.CLOSED, time=T0 + POINTS, reason="done")
    bus.commit([*everything_sent(), *points()])
    bus.commit([Append(keys.states("scan1"), closed, Id(2))])
    for role, body in (("file_writer", run), ("scihub", run_scihub)):
        with running(new_life(role, bus.broker, tmp_path), body):
            until(bus, lambda r=role: not bus.get_all(keys.todo[r]("main")))


def same(found, before):
    for name, kept in before.items():
        if name == "streams":
            np.testing.assert_equal(found[name], kept)
        elif isinstance(kept, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], kept)
        elif name == "data":
            assert found[name].identical(kept)
        else:
            assert found[name] == kept


@pytest.mark.slow
def test_what_is_read_from_the_file_is_what_was_on_the_bus(bus, tmp_path):
    recorded(bus, tmp_path)
    held = Client(MemoryBus(bus.broker, "ada"))
    begun, looked, whole = (held.report("scan1") for _ in range(3))
    assert begun.begin is not None
    assert looked.status is ScanState.CLOSED
    assert len(whole.to_pandas()) == POINTS
    with Client(MemoryBus(bus.broker, "ada")) as client:
        before = told(client.history[42])
    assert before["fit"] == FIT
    assert before["configuration"] == configuration()
    assert before["samx"] == configuration()["samx"]
    assert before["plot"] == "plot of bpm4i over samx"
    assert before["line"].endswith(": closed, 5 points")
    assert before["table"]["gas_flow_b"].tolist() == [n + 0.5 for n in range(POINTS)]
    assert before["streams"]["gas_count"][0] == [10 * n for n in range(1, 8)]
    assert np.shape(before["streams"]["gas_slices"][0]) == (3, 20)
    assert before["streams"]["gas_newest"][0] == [[7.0, 8.0, 9.0, 10.0]]
    forget(bus)
    with (
        running(new_life("file_writer", bus.broker, tmp_path), requests.run),
        running(new_life("scihub", bus.broker, tmp_path), run_scihub),
        Client(MemoryBus(bus.broker, "ada")) as client,
        held,
    ):
        for report in (begun, looked, whole, client.history[42]):
            same(told(report), before)
            assert report.hdf5["entry/title"][...]
