"""What devices send by themselves is in the file, each sample once."""

import os
import signal

import h5py
import numpy as np
import pytest

from bec_kernel.bus.changes import START
from bec_kernel.wire import Samples, StreamEnd, Watermark, keys
from bec_services.device_server.clock import VirtualClock
from bec_sim import SimAsyncCounter
from tests.system.beamline import Instance
from tests.waiting import until

RATE = 200.0
DEVICES = f"""\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: baseline
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {{ref_motor: samx}}
  readoutPriority: monitored
  softwareTrigger: true
counter:
  deviceClass: bec_sim.SimAsyncCounter
  deviceConfig: {{rate: {RATE}, seed: 3}}
  readoutPriority: async
wave:
  deviceClass: bec_sim.SimWaveform
  deviceConfig: {{waveform_shape: 50, async_update: add_slice}}
  readoutPriority: async
  softwareTrigger: true
eye:
  deviceClass: bec_sim.SimCamera
  deviceConfig: {{shape: [16, 24], image: spots, write_to_disk: true, noise: none}}
  readoutPriority: async
  softwareTrigger: true
flyer:
  deviceClass: bec_sim.SimFlyer
  deviceConfig: {{motor: samy, num: 5, exposure: 0.002, start: 0, end: 1}}
  readoutPriority: async
  softwareTrigger: true
samy:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{velocity: 100, limits: [-50, 50]}}
  readoutPriority: on_request
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = Instance(tmp_path_factory.mktemp("streams"), devices=DEVICES)
    yield instance
    instance.close()


def entries(instance, scan_id: str) -> list:
    log, found, at = keys.streams(scan_id, "counter", "counter_stream"), [], START
    while page := instance.client.bus.read(log, at):
        found += [(entry.id, entry.message) for entry in page]
        at = page[-1].id
    return found


def expected(count: int) -> list[int]:
    """What a counter counts, sample by sample: its noise depends on the number only."""
    clock, seen = VirtualClock(), []
    counter = SimAsyncCounter(name="counter", clock=clock, rate=RATE, seed=3)
    counter.subscribe_async(lambda _, value: seen.append(value))
    counter.stage()
    clock.sleep((count + 0.5) / RATE)
    return seen


def check(instance, report) -> dict:
    """Each sample once, in order, in the log and in the file; returns some figures."""
    found = entries(instance, report.scan_id)
    assert isinstance(found[-1][1], StreamEnd)
    batches = [m for _, m in found if isinstance(m, Samples)]
    numbers = [b.index + k for b in batches for k in range(len(b.samples))]
    values = [s.values["value"] for b in batches for s in b.samples]
    times = [s.timestamp for b in batches for s in b.samples]
    assert numbers == list(range(len(numbers)))
    assert values == expected(len(values))
    assert (np.diff(times) > 0).all()
    assert found[-1][1].samples == len(values)
    mark = -np.inf
    for _, message in found:
        if isinstance(message, Watermark):
            mark = message.time
        elif isinstance(message, Samples):
            assert min(s.timestamp for s in message.samples) > mark
    with h5py.File(report.file) as file:
        devices = file["entry/collection/devices"]
        assert devices["counter/counter_stream/value"][...].tolist() == values
        assert devices["counter/counter_stream/timestamp"][...].tolist() == times
    return {"samples": len(values), "entries": len(batches)}


def test_what_devices_send_is_in_the_file_each_sample_once(instance):
    report = instance.client.scans.line_scan("samx", -1, 1, steps=10, exp_time=0.05)
    report.wait(30)
    figures = check(instance, report)
    assert figures["samples"] >= RATE * 10 * 0.05 * 0.9
    with h5py.File(report.file) as file:
        devices = file["entry/collection/devices"]
        assert devices["wave/wave_stream/value"].shape == (10, 50)
        assert np.isfinite(devices["wave/wave_stream/value"][...]).all()
        eye = file["entry/collection/file_references/eye"]
        assert eye["frames"].shape == (10, 16, 24)
        assert eye["frames"][...].max() > 0
        assert (np.diff(eye["exposure"][...]) == 1).all()
        positions = devices["flyer/flyer_flight_position/value"][...]
        assert len(positions) == 50
        assert positions[-1] == pytest.approx(1, abs=0.2)
        assert devices["flyer/flyer_flight_counts/value"].shape == (50,)
    previews = instance.client.bus.get_all(keys.previews("main"))
    assert previews["eye/eye_preview"].value.shape == (16, 24)
    assert not instance.client.bus.get_all(keys.streams_read())


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(0.05, marks=pytest.mark.chaos),
        0.2,
        pytest.param(0.4, marks=pytest.mark.chaos),
    ],
)
def test_no_sample_is_lost_or_doubled_when_the_device_server_is_killed(
    instance, moment
):
    disturbed(instance, moment, signal.SIGKILL)


@pytest.mark.chaos
def test_no_sample_is_lost_or_doubled_when_the_device_server_is_frozen(instance):
    disturbed(instance, 0.2, signal.SIGSTOP)


def disturbed(instance, moment, number):
    report = instance.client.scans.line_scan("samx", -1, 1, steps=20, exp_time=0.05)
    wanted = RATE * moment
    until(
        lambda: sum(
            isinstance(m, Samples) for _, m in entries(instance, report.scan_id)
        )
    )
    until(lambda: entries(instance, report.scan_id)[-1][0].major >= wanted, 10)
    os.kill(instance.process_of("device_server")["pid"], number)
    report.wait(60)
    check(instance, report)
    points = list(report.points(timeout=5))
    assert [point.point_id for point in points] == list(range(20))
