"""What the bus is told of a device, whatever the device says of itself."""

import pytest
from ophyd import Component, Device, EpicsSignal, Signal

from bec_kernel.bus.codec import decode, encode
from bec_kernel.device_list import DeviceSpec
from bec_kernel.errors import DeviceError
from bec_kernel.wire import Device as Published
from bec_services.device_server.clock import VirtualClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.values.publisher import Values
from bec_sim import SimMonitor, SimPositioner, SimSlit


def hold(device):
    spec = {"deviceClass": "a.b", "readoutPriority": "baseline"}
    one = DeviceAdapter(device.name, DeviceSpec.model_validate(spec))
    one.device = device
    return one


class Lazy(Device):
    """Parts that connect when they are first looked at."""

    far = Component(EpicsSignal, "far", lazy=True)


class Saying(Signal):
    """Says of itself what it is told to."""

    def __init__(self, name, said):
        super().__init__(name=name)
        self.said = said

    def describe(self):
        if isinstance(self.said, Exception):
            raise self.said
        return {self.name: self.said}


@pytest.mark.parametrize(
    ("device", "path", "value"),
    [(SimSlit, "left.velocity", 3.0), (SimPositioner, "velocity", 4.0)],
)
def test_a_signal_at_any_depth_is_told_of_and_can_be_called(device, path, value):
    one = hold(device(name="d", clock=VirtualClock()))
    told = one.published("main").methods
    for method in ("get", "set", "put", "read", "describe"):
        assert f"{path}.{method}" in told
        assert callable(one.call(f"{path}.{method}"))
    one.call(f"{path}.put")(value)
    assert one.call(f"{path}.get")() == value


def test_all_that_is_told_of_can_be_called():
    clock = VirtualClock()
    for device in (SimSlit, SimPositioner, SimMonitor):
        one = hold(device(name="d", clock=clock))
        assert all(callable(one.call(name)) for name in one.published("main").methods)


def test_what_a_part_declares_can_be_called_like_its_methods():
    one = hold(SimSlit(name="slit", clock=VirtualClock()))
    assert "left.limits" in one.published("main").methods
    one.call("left.limits")([-3, 3])
    assert one.device.left.limits == (-3, 3)


def test_put_is_for_signals_and_what_shows_only_cannot_be_put():
    one = hold(SimSlit(name="slit", clock=VirtualClock()))
    assert "put" not in one.published("main").methods
    with pytest.raises(DeviceError, match="no public method 'put'"):
        one.call("put")
    with pytest.raises(Exception, match="can be read, not written"):
        one.call("left.readback.put")(3)


@pytest.mark.slow
def test_telling_of_lazy_parts_connects_none():
    one = hold(Lazy("NOWHERE:", name="lazy"))
    assert "far.get" in one.published("main").methods
    assert one.device._signals == {}


BAD = [ZeroDivisionError("no"), None, 3, {"shape": 3}, {"precision": "much"}]


@pytest.mark.parametrize("said", BAD, ids=repr)
def test_one_that_cannot_be_described_has_that_for_its_problem(said):
    one = hold(Saying("odd", said))
    told = one.published("main")
    assert told.problem.message.startswith("odd cannot be described: ")
    assert not told.connected
    with pytest.raises(DeviceError, match="odd cannot be described"):
        one.read()


def test_what_a_device_says_travels_whatever_its_types():
    said = {"dtype": bytes, "shape": (True,), "units": 3, "precision": 2.0, "source": 1}
    told = hold(Saying("odd", said)).published("main")
    assert decode(encode(told), Published) == told
    assert (told.signals[0].unit, told.signals[0].precision) == ("3", 2)


@pytest.mark.parametrize("raw", [None, 3, {"odd": 3}, {"odd": {"value": 1}}], ids=repr)
def test_a_reading_that_is_none_is_told_with_the_device(raw):
    one = hold(Signal(name="odd"))
    one.device.read = lambda: raw
    with pytest.raises(DeviceError, match="odd cannot be read"):
        one.read()


def test_a_method_of_a_million_dots_is_refused_at_once():
    one = hold(SimPositioner(name="samx", clock=VirtualClock()))
    with pytest.raises(DeviceError, match="no public method"):
        one.call("." * 10**6)


def test_one_that_cannot_be_watched_keeps_no_other_from_it():
    samx = SimPositioner(name="samx", clock=VirtualClock())
    held = {"odd": hold(Signal(name="odd")), "samx": hold(samx)}
    held["odd"].device.subscribe = lambda *_, **__: 1 / 0
    values = Values("main", held)
    values.watch()
    assert set(values._watched) == {"samx"}
    values.unwatch()
