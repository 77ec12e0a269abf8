"""What devices send by themselves, in the table of the points."""

import math

import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.wire import (
    Aligned,
    AlignedEnd,
    AlignedRow,
    Begin,
    Device,
    Reading,
    ScanRequest,
    SignalDescription,
    keys,
)
from tests.kernel.client.samples import point


@pytest.fixture
def report(bec, server):
    """A scan of three points; of a stream with two values two rows are there."""
    stream = SignalDescription(
        name="gas_flow", stream=["a", "b"], align="mean", unit="l"
    )
    plain = SignalDescription(name="bpm4i", stream=["value"], align="nearest")
    camera = SignalDescription(name="picture", stream=["value"])
    for name, signal in (("gas", stream), ("bpm4i", plain), ("eye", camera)):
        device = Device(name=name, server="main", device_class="Sim", signals=[signal])
        server.bus.commit([Put(keys.devices("main"), device, name)])
    names = ["bpm4i", "eye", "gas"]
    begin = Begin(
        scan_id="s",
        scan_number=1,
        user="tester",
        request=ScanRequest(request_id="s", name="acquire"),
        streaming=names,
        servers=dict.fromkeys(names, "main"),
    )
    server.bus.commit([Append(keys.steps("s"), begin, Id.of(0))])
    server.bus.commit([Append(keys.points("s"), point(i), Id.of(i)) for i in range(3)])
    rows = [
        AlignedRow(i, {f"gas_flow_{n}": Reading(i + 0.5, 100.0) for n in "ab"})
        for i in range(2)
    ]
    log = keys.aligned("s", "gas", "gas_flow")
    server.bus.commit([Append(log, Aligned(rows=rows), Id(2))])
    log = keys.aligned("s", "bpm4i", "bpm4i")
    rows = [AlignedRow(i, {"bpm4i": Reading(7, 90.0)}) for i in range(3)]
    server.bus.commit([Append(log, Aligned(rows=rows), Id(3))])
    retaken = Aligned(rows=[AlignedRow(1, {"bpm4i": Reading(8, 95.0)})])
    server.bus.commit([Append(log, retaken, Id(3, 1))])
    server.bus.commit([Append(log, AlignedEnd(), Id(4))])
    return bec.report("s")


def test_aligned_columns_are_added_when_they_are_wanted(report):
    assert "gas_flow_a" not in report.to_pandas().columns
    table = report.to_pandas(aligned=True, timestamps=True)
    assert table["gas_flow_a"].tolist()[:2] == [0.5, 1.5]
    assert math.isnan(table["gas_flow_b"][2])  # not known yet
    assert table["bpm4i"].tolist() == [0, 10, 20]
    assert table["bpm4i_aligned"].tolist() == [7, 8, 7]
    assert table["bpm4i_aligned_timestamp"].tolist() == [90.0, 95.0, 90.0]
    assert not [name for name in table.columns if "picture" in name]


def test_a_dataset_has_them_too(report):
    data = report.to_xarray(aligned=True)
    assert data["gas_flow_a"].dims == ("point_id",)
    assert data["gas_flow_a"].values.tolist()[:2] == [0.5, 1.5]
