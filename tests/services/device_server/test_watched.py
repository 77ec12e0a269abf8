"""A device that sends nothing by itself is watched: its changes are samples."""

import numpy as np
import pytest
from ophyd import Component, Device, Signal

from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import Alignment, Begin, Samples, ScanRequest, StreamEnd, keys
from bec_services.device_server.clock import VirtualClock, WallClock
from bec_services.device_server.devices import description, watched_signals
from bec_services.device_server.devices.signals import AsyncSignal
from bec_services.device_server.values.streams import Streams
from bec_sim import SimPositioner
from tests.services.recorded import new_life


class Valve(Device):
    state = Component(Signal, value="open", kind="hinted")
    flow = Component(Signal, value=1.5, kind="normal")
    profile = Component(Signal, value=np.zeros(3), kind="normal")


class Sender(Device):
    flow = Component(Signal, value=1.5, kind="normal")
    own = Component(AsyncSignal)


@pytest.fixture
def life(tmp_path):
    return new_life("device_server", MemoryBroker(), tmp_path)


def opened(life, clock, device, streaming=("valve",)):
    streams = Streams().scan(life, "scan1", clock)
    request = ScanRequest(request_id="scan1", name="acquire")
    streams.begin(
        Begin(
            scan_id="scan1",
            user="ada",
            request=request,
            scan_number=7,
            streaming=list(streaming),
        )
    )
    streams.open("valve", device)
    return streams


def samples(life, signal):
    log = keys.streams("scan1", "valve", signal)
    found = [entry.message for entry in life.bus.read(log)]
    return [
        (sample.values["value"], sample.timestamp)
        for one in found
        if isinstance(one, Samples)
        for sample in one.samples
    ]


def ended(life, signal):
    last = life.bus.last(keys.streams("scan1", "valve", signal))
    return last is not None and isinstance(last.message, StreamEnd)


def test_scalars_of_a_reading_are_published_as_streams(life):
    valve = Valve(name="valve")
    infos = watched_signals.published(valve, description.signals_of(valve))
    found = {one.name: (one.stream, one.align) for one in infos}
    previous = (["value"], Alignment.PREVIOUS)
    assert found["valve_state"] == found["valve_flow"] == previous
    assert found["valve_profile"] == ([], None)


def test_who_sends_by_itself_is_not_watched():
    device = Sender(name="sender")
    infos = watched_signals.published(device, description.signals_of(device))
    assert [one.name for one in infos if one.stream] == ["sender_own"]
    assert watched_signals.watched(device) == []


def test_each_change_is_a_sample_and_the_first_is_what_it_was_before(life):
    clock = VirtualClock()
    motor = SimPositioner(name="valve", clock=clock, delay=0, limits=(-50, 50))
    start = clock.time()
    streams = opened(life, clock, motor)
    clock.sleep(1.0)
    motor.set(3.0)
    streams.commit([], clock.time())
    streams.close("valve")
    streams.commit([])
    motor.set(4.0)  # nobody listens any more
    streams.commit([])
    assert samples(life, "valve") == [(0.0, start), (3.0, start + 1)]
    assert ended(life, "valve")


def test_a_device_that_is_read_is_not_watched(life):
    clock = VirtualClock()
    motor = SimPositioner(name="valve", clock=clock, delay=0, limits=(-50, 50))
    streams = opened(life, clock, motor, streaming=())
    streams.commit([], clock.time())
    assert life.bus.last(keys.streams("scan1", "valve", "valve")) is None


def test_times_never_go_back(life):
    clock = WallClock()
    valve = Valve(name="valve")
    valve.flow.put(1.0, timestamp=50.0)
    (state, flow) = watched_signals.watched(valve)
    # A new life goes on with these.
    assert watched_signals.watched(valve) == [state, flow]
    streams = opened(life, clock, valve)
    for value, time in ((2.0, 100.0), (3.0, 90.0), (4.0, 110.0)):
        heard = len(flow.kept(10))
        valve.flow.put(value, timestamp=time)
        for _ in range(500):
            if len(flow.kept(10)) > heard:
                break
            life.over.wait(0.01)
    streams.commit([])
    found = samples(life, "valve_flow")
    assert [value for value, _ in found] == [1.0, 2.0, 3.0, 4.0]
    assert [time for _, time in found] == [50.0, 100.0, 100.0, 110.0]
    streams.close_all()
    clock.close()
