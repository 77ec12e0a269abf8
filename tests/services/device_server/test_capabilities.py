"""What a site's own device declares about itself counts like what ours declare."""

import inspect
import threading

import ophyd
import ophyd.sim
import pytest
from ophyd import Component, Device, Signal
from ophyd.ophydobj import OphydObject

from bec_kernel.device_list import DeviceSpec
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.devices.capabilities import (
    capabilities_of,
    watch_signal,
)
from bec_services.device_server.devices.threads import each
from bec_services.device_server.devices.watched_signals import LATENCY, watched


class LossySignal(Signal):
    """A signal whose connection a test can cut."""

    def cut(self):
        self._metadata["connected"] = False
        self._run_metadata_callbacks()


class SiteCounter(Device):
    """A site's device that declares nothing."""

    counts = Component(LossySignal, value=0)


class FastCounter(SiteCounter):
    NEVER_BLOCKS = True


class LocalCounter(SiteCounter):
    ALWAYS_CONNECTED = True


class SlowAgain(FastCounter):
    NEVER_BLOCKS = False


class DirectSignal(Signal):
    """A site's signal that reports its changes by itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.listeners = {}

    def listen(self, told, /):
        self.listeners[len(self.listeners)] = told
        return len(self.listeners) - 1

    def unlisten(self, number, /):
        del self.listeners[number]

    def reading(self):
        return {"value": self._readback, "timestamp": self.timestamp}

    def change(self, value, timestamp):
        for told in tuple(self.listeners.values()):
            told(value=value, timestamp=timestamp)


class SiteStage(Device):
    height = Component(DirectSignal, value=1.5)


def adapted(kind):
    spec = DeviceSpec(deviceClass=f"site.{kind.__name__}", readoutPriority="monitored")
    one = DeviceAdapter("counter", spec)
    one.device = kind(name="counter")
    return one


@pytest.mark.parametrize(
    ("kind", "is_called_directly"),
    [(SiteCounter, False), (FastCounter, True), (SlowAgain, False)],
)
def test_only_a_device_that_never_blocks_is_called_without_a_thread(
    kind, is_called_directly
):
    threads, errors = each(
        [adapted(kind)], lambda _: threading.current_thread(), deadline=10.0
    )
    assert not errors
    is_here = threads["counter"] is threading.current_thread()
    assert is_here is is_called_directly


@pytest.mark.parametrize(
    ("kind", "is_watched"), [(SiteCounter, True), (LocalCounter, False)]
)
def test_the_connection_of_an_always_connected_device_is_not_watched(kind, is_watched):
    one = adapted(kind)
    heard = threading.Event()  # ophyd calls one subscriber after the other
    one.device.counts.subscribe(
        lambda **_: heard.set(), event_type=Signal.SUB_META, run=False
    )
    one.device.counts.cut()
    assert heard.wait(10.0)
    assert (one.problem is not None) is is_watched


def test_a_signal_that_reports_its_changes_calls_its_listener_in_the_same_thread():
    stage = SiteStage(name="stage")
    heard = []

    def told(*, value, timestamp):
        heard.append((value, timestamp, threading.current_thread()))

    end = watch_signal(stage.height, told, first=True)
    stage.height.change(2.0, 10.0)
    end()
    stage.height.change(3.0, 11.0)
    assert [value for value, _, _ in heard] == [1.5, 2.0]
    assert {thread for _, _, thread in heard} == {threading.current_thread()}


def test_its_samples_need_no_allowance_for_a_network():
    assert [one.latency for one in watched(SiteStage(name="stage"))] == [0.0]
    assert [one.latency for one in watched(SiteCounter(name="c"))] == [LATENCY]


def test_the_table_has_every_public_device_of_ophyd_sim():
    found = [
        kind
        for name, kind in vars(ophyd.sim).items()
        if inspect.isclass(kind)
        and issubclass(kind, OphydObject)
        and kind.__module__ == "ophyd.sim"
        and not name.startswith("_")
    ]
    assert len(found) > 20
    assert all(capabilities_of(kind) == (True, True) for kind in found)


def test_a_subclass_of_ophyds_simulation_and_a_channel_access_signal_may_block():
    class SiteAxis(ophyd.sim.SynAxis):
        """May do anything."""

    assert capabilities_of(SiteAxis) == (False, False)
    assert capabilities_of(ophyd.EpicsSignal) == (False, False)
    assert capabilities_of(ophyd.Signal) == (True, False)
