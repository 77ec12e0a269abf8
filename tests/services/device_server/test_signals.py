"""What a device says by itself is kept until it is in its scan's stream."""

import numpy as np
import pytest
from ophyd import Component, Device
from ophyd.utils import ReadOnlyError

from bec_kernel.errors import BrokerError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Begin, Samples, ScanRequest, StreamEnd, Watermark, keys
from bec_services.device_server.clock import WallClock
from bec_services.device_server.devices.signals import (
    AsyncSignal,
    FileEventSignal,
    PreviewSignal,
    published,
)
from bec_services.device_server.values.publisher import small
from bec_services.device_server.values.streams import LAG, Streams
from tests.services.recorded import new_life


class Detector(Device):
    spectrum = Component(AsyncSignal, ndim=1)
    pair = Component(AsyncSignal, names=("x", "y"))
    picture = Component(PreviewSignal, rotation=1)
    file = Component(FileEventSignal)


@pytest.fixture
def life(tmp_path):
    return new_life("device_server", MemoryBroker(), tmp_path)


@pytest.fixture
def clock():
    clock = WallClock()
    yield clock
    clock.close()


def opened(life, clock, device):
    streams = Streams().scan(life, "scan1", clock)
    request = ScanRequest(request_id="scan1", name="acquire")
    streams.begin(Begin(scan_id="scan1", user="ada", request=request, scan_number=7))
    streams.open("det", device)
    return streams


def log_of(life, signal: str) -> list:
    log = keys.streams("scan1", "det", signal)
    return [(entry.id, entry.message) for entry in life.bus.read(log)]


def test_samples_are_counted_marked_and_ended(life, clock):
    det = Detector(name="det")
    streams = opened(life, clock, det)
    first = det.pair.put({"x": 1, "y": 2.5}, timestamp=10.0)
    det.pair.put({"x": [2, 3], "y": [3.5, 4.5]}, timestamp=[11.0, 12.0])
    assert not first.done
    streams.commit([], mark=12.5)
    assert first.done
    streams.close("det")
    streams.commit([])
    (at, samples), (mark_at, mark), (_, end) = log_of(life, "det_pair")
    assert isinstance(samples, Samples)
    assert [s.values for s in samples.samples] == [
        {"x": 1, "y": 2.5},
        {"x": 2, "y": 3.5},
        {"x": 3, "y": 4.5},
    ]
    assert [s.timestamp for s in samples.samples] == [10.0, 11.0, 12.0]
    assert (str(at), str(mark_at)) == ("3-0", "3-1")
    assert mark == Watermark(index=3, time=12.5)
    assert isinstance(end, StreamEnd)
    assert end.samples == 3


def test_lengths_may_vary_and_an_array_is_the_devices_own_again(life, clock):
    det = Detector(name="det")
    streams = opened(life, clock, det)
    buffer = np.arange(3.0)
    det.spectrum.put(buffer)
    buffer[:] = -1
    det.spectrum.put(np.arange(5.0))
    streams.commit([])
    (_, samples), *_ = log_of(life, "det_spectrum")
    values = [s.values["value"].tolist() for s in samples.samples]
    assert values == [[0, 1, 2], [0, 1, 2, 3, 4]]


class Deaf(MemoryBus):
    """Does what it is told; the reply is lost."""

    def commit(self, changes, fence=None):
        super().commit(changes, fence)
        raise BrokerError("the broker does not answer")


def test_what_is_there_though_the_reply_was_lost_is_not_sent_again(life, clock):
    det = Detector(name="det")
    streams = opened(life, clock, det)
    det.pair.put({"x": [1, 2], "y": [1, 2]}, timestamp=1.0)
    whole, life.bus = life.bus, Deaf(life.bus.broker)
    with pytest.raises(BrokerError):
        streams.commit([])
    life.bus = whole
    det.pair.put({"x": 3, "y": 3}, timestamp=2.0)
    assert det.pair.waiting == 3
    opened(life, clock, det).commit([])
    found = [m for _, m in log_of(life, "det_pair")]
    assert [(m.index, len(m.samples)) for m in found] == [(0, 2), (2, 1)]


def test_another_process_goes_on_with_the_number_the_stream_has_come_to(life, clock):
    first = Detector(name="det")
    streams = opened(life, clock, first)
    first.pair.put({"x": [1, 2], "y": [1, 2]}, timestamp=1.0)
    streams.commit([], mark=2.0)
    second = Detector(name="det")
    again = opened(life, clock, second)
    assert second.pair.index == 2
    second.pair.put({"x": 3, "y": 3})
    again.commit([])
    assert str(log_of(life, "det_pair")[-1][0]) == "3-0"


def test_what_is_no_sample_is_refused(life, clock):
    det = Detector(name="det")
    opened(life, clock, det)
    with pytest.raises(ValueError, match="missing: y"):
        det.pair.put({"x": 1})
    with pytest.raises(ValueError, match="dimensions"):
        det.spectrum.put(1.0)
    with pytest.raises(ValueError, match="numbers"):
        det.pair.put({"x": object(), "y": 1})
    with pytest.raises(ReadOnlyError):
        det.pair.set({"x": 1, "y": 1})
    assert det.pair.waiting == 0


def test_outside_a_scan_nothing_is_kept_and_nobody_waits():
    det = Detector(name="det")
    assert det.pair.put({"x": 1, "y": 2}).done
    assert det.pair.waiting == 0
    assert det.read() == {}
    assert [one.stream for one in published(det)] == [["value"], ["x", "y"]]


def test_a_files_events_are_in_the_scans_log(life, clock):
    det = Detector(name="det")
    streams = opened(life, clock, det)
    det.file.put("/data/a.h5", entries={"frames": "/entry/frames"})
    det.file.put("/data/a.h5", done=True)
    streams.commit([])
    told = [e.message for e in life.bus.read(keys.device_files("scan1", "main"))]
    assert [(one.device, one.done) for one in told] == [("det", False), ("det", True)]


def test_a_preview_is_turned_and_made_small():
    det = Detector(name="det")
    det.picture.put(np.arange(1024 * 512).reshape(1024, 512))
    preview = det.picture.get()
    assert preview.value.shape == (512, 1024)
    shown = small(preview)
    assert shown.value.shape == (128, 256)
    assert shown.shape == [512, 1024]


def test_a_file_writer_that_is_behind_is_told_of_once(life, clock):
    det = Detector(name="det")
    streams = Streams()
    scan = streams.scan(life, "scan1", clock)
    scan.open("det", det)
    count = LAG + 5
    det.pair.put({"x": np.arange(count), "y": np.zeros(count)}, timestamp=1.0)
    scan.commit([])
    streams._watch_readers(life)
    streams._watch_readers(life)
    (alarm,) = [entry.message for entry in life.bus.read(keys.alarms())]
    assert f"the file writer is {count} samples" in alarm.message
    assert "det_pair of det" in alarm.message
    assert alarm.scan_id == "scan1"
