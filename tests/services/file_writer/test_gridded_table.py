"""A grid scan as a table of xarray: over its motors, from the bus and from the file."""

import msgspec
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings, strategies as st

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client import Client
from bec_kernel.client.scan.dataframes import columns, places_of, to_xarray
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    Device,
    Point,
    Reading,
    ScanState,
    SignalDescription,
    StateChange,
    Step,
    StepKind,
    StepRequest,
    keys,
)
from bec_services.file_writer import requests
from bec_services.file_writer.service import run
from bec_services.scihub.service import run as run_scihub
from tests.services.file_writer.filed_scan import bus as _bus, forget
from tests.services.file_writer.grids import STEPS, grid_and_places
from tests.services.file_writer.nexus import shown
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)

bus = _bus
X, Y = [4.0, 5.0, 6.0], [-2.0, 2.0]
TAKEN = 5


def point(number, place, **more):
    read = {name: {name: Reading(at, T0 + number)} for name, at in place.items()}
    read |= {name: {name: Reading(one, T0)} for name, one in more.items()}
    begun, ended = T0 + number, T0 + number + 0.5
    return Point(
        index=number + 9,
        point_id=number,
        attempt=1,
        begin=begun,
        end=ended,
        data=read,
    )


@given(STEPS, st.booleans(), st.integers(1, 2), st.data())
@settings(max_examples=20, deadline=None)
def test_each_point_is_found_at_its_setpoints(steps, snaked, burst, data):
    first, places = grid_and_places(steps, burst, snaked=snaked)
    taken = data.draw(st.sets(st.integers(0, len(places) - 1)))
    points = [
        point(n, places[n], det=float(n), wave=np.array([n, n + 0.5]), word=f"w{n}")
        for n in sorted(taken)
    ]
    found = to_xarray(
        points,
        columns(points, first.motors),
        {},
        {"m0": "mm"},
        {},
        timing=True,
        places=places_of(points, first, {}),
    )
    ids = found["point_id"]
    assert ids.dims == tuple(first.motors[::-1])
    assert ids.shape == tuple(first.shape)
    assert sorted(ids.values[ids.values >= 0]) == sorted(taken)
    assert found["m0"].attrs == {"units": "mm"}
    assert found["time_move"].dims == ids.dims
    for n in sorted(taken):
        (where,) = np.argwhere(ids.values == n)
        here = found[dict(zip(ids.dims, where, strict=True))]
        for motor, at in places[n].items():
            assert float(here[motor]) == pytest.approx(at)
            assert float(here[f"{motor}_readback"]) == at
        assert float(here["det"]) == n
        assert here["wave"].values.tolist() == [n, n + 0.5]
        assert here["word"].item() == f"w{n}"
    if taken:
        nowhere = ids.values < 0
        assert np.isnan(found["det"].values[nowhere]).all()
        assert np.isnan(found["wave"].values[nowhere]).all()


def grid_scan(bus):
    """Begin a relative, snaked grid scan around (5, 0); return its points so far."""
    for name in ("samx", "samy", "bpm4i"):
        signals = [SignalDescription(name=name, kind="hinted")]
        device = Device(name=name, server="main", device_class="Sim", signals=signals)
        bus.commit([Put(keys.devices("main"), device, name)])
    first = begin(
        6,
        parameters={
            "bundles": [["samx", -1.0, 1.0, 3], ["samy", -2.0, 2.0, 2]],
            "relative": True,
            "snaked": True,
        },
        motors=["samx", "samy"],
        monitored=["samx", "samy", "bpm4i"],
        baseline=[],
        units={"samx": "mm", "samy": "um"},
        shape=[2, 3],
        servers=dict.fromkeys(("samx", "samy", "bpm4i"), "main"),
    )
    take(bus, "file_writer", first)
    taken = bus.get_all(keys.todo["file_writer"]("main"))["scan1"]
    put(bus, keys.todo["scihub"]("main"), taken, "scan1")
    order = [(x, Y[0]) for x in X] + [(x, Y[1]) for x in X[::-1]]
    places = [{"samx": x + 0.01, "samy": y} for x, y in order]
    return [point(n, places[n], bpm4i=10 * n) for n in range(TAKEN)]


def issue_the_first(bus):
    place = {"samx": X[0], "samy": Y[0]}
    start = Step(
        index=1,
        on=["main"],
        request=StepRequest(kind=StepKind.POINT, point_id=0, set=place),
    )
    bus.commit([Append(keys.steps("scan1"), start, Id.of(1))])


def finish(bus, tmp_path):
    _, (_, seal) = points_log(0)
    seal = msgspec.structs.replace(seal, points=TAKEN, state=ScanState.ABORTED)
    ended = StateChange(state=ScanState.ABORTED, time=T0 + 9, reason="user")
    bus.commit([Append(keys.points("scan1"), seal, Id(TAKEN + 1))])
    bus.commit([Append(keys.states("scan1"), ended, Id(2))])
    for role, body in (("file_writer", run), ("scihub", run_scihub)):
        with running(new_life(role, bus.broker, tmp_path), body):
            until(bus, lambda r=role: not bus.get_all(keys.todo[r]("main")))
    return bus.last(keys.files("scan1")).message.path


def test_the_table_is_the_same_before_during_and_after_the_scan(bus, tmp_path):
    points = grid_scan(bus)
    with Client(MemoryBus(bus.broker, "ada")) as client:
        before = client.report("scan1").to_xarray()
        assert before.sizes == {"samy": 2, "samx": 3}
        assert np.isnan(before["bpm4i"]).all()
        assert np.isnan(before["samx"]).all()  # nobody knows yet where it begins
        issue_the_first(bus)
        entries = [Append(keys.points("scan1"), p, Id(p.point_id + 1)) for p in points]
        bus.commit(entries[:4])
        during = client.report("scan1").to_xarray()
        bus.commit(entries[4:])
        path = finish(bus, tmp_path)
        after = client.report("scan1").to_xarray(timing=True)
    nan = np.nan
    assert during["point_id"].values.tolist() == [[0, 1, 2], [-1, -1, 3]]
    np.testing.assert_array_equal(during["bpm4i"], [[0, 10, 20], [nan, nan, 30]])
    np.testing.assert_array_equal(after["bpm4i"], [[0, 10, 20], [nan, 40, 30]])
    assert after["samx"].values.tolist() == X
    assert after["samy"].values.tolist() == Y
    assert {n: after[n].attrs["units"] for n in after.dims} == {
        "samx": "mm",
        "samy": "um",
    }
    assert float(after["samx_readback"].sel(samx=4, samy=-2)) == 4.01
    plot = shown(path)
    assert plot.axes == list(after["bpm4i"].dims)
    np.testing.assert_array_equal(plot.values, after["bpm4i"].fillna(0))
    np.testing.assert_array_equal(plot.places["samx"], after["samx"])
    forget(bus)
    with (
        running(new_life("file_writer", bus.broker, tmp_path), requests.run),
        running(new_life("scihub", bus.broker, tmp_path), run_scihub),
        Client(MemoryBus(bus.broker, "ada")) as client,
    ):
        xr.testing.assert_identical(client.history[42].to_xarray(timing=True), after)
