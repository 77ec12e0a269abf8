"""Axes of a controller that allows one connection, against the controller itself."""

import socket
import threading

import pytest
from ophyd.utils import LimitError, ReadOnlyError

from bec_services.device_server.devices.status import ActionStopped
from bec_services.device_server.hardware.tcp import TcpAxis
from bec_services.device_server.hardware.tcp_line import ControllerError, TcpController
from tests.services.device_server.controller import end, free_port, start_controller

pytestmark = pytest.mark.keeps_threads


class Marks:
    """What a signal says of its connection."""

    def __init__(self, axis):
        self.said = threading.Condition()
        self.connected = axis.readback.connected
        axis.readback.subscribe(self.mark, event_type=axis.readback.SUB_META)

    def mark(self, *, connected, **_):
        with self.said:
            self.connected = connected
            self.said.notify_all()

    def wait(self, connected):
        with self.said:
            return self.said.wait_for(lambda: self.connected is connected, 5)


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def controller(port):
    process = start_controller(port)
    yield process
    end(process)


@pytest.fixture
def axes(controller, port):
    address = f"127.0.0.1:{port}"
    axes = [TcpAxis(name=f"ax{n}", address=address, axis=n) for n in range(1, 5)]
    for axis in axes:
        axis.wait_for_connection(timeout=5)
    yield axes
    for axis in axes:
        axis.destroy()


@pytest.mark.processes
def test_four_axes_move_at_once_over_one_connection(axes):
    statuses = [axis.set(number) for number, axis in enumerate(axes, 1)]
    for status in statuses:
        status.wait(10)
    assert [axis.position for axis in axes] == [1.0, 2.0, 3.0, 4.0]
    assert axes[0].controller.ask("CONNECTIONS") == ["1", "0"]
    reading = axes[1].read()
    assert {key: value["value"] for key, value in reading.items()} == {
        "ax2": 2.0,
        "ax2_setpoint": 2.0,
    }


@pytest.mark.processes
def test_a_stopped_axis_has_not_arrived(axes):
    moving = threading.Event()
    axes[0].readback.subscribe(lambda value, **_: value > 1 and moving.set(), run=False)
    status = axes[0].set(90)
    assert moving.wait(5)
    axes[0].stop()
    assert isinstance(status.exception(5), ActionStopped)
    assert axes[0].ask("STATUS")[-1] == "0"
    assert 1 < axes[0].position < 90


@pytest.mark.processes
def test_what_cannot_be_is_refused_before_it_is_sent_or_by_the_controller(axes):
    with pytest.raises(LimitError, match=r"position 101 is not within -100..100 mm"):
        axes[0].set(101)
    with pytest.raises(ControllerError, match="velocity 0 is not above 0"):
        axes[0].velocity.put(0)
    with pytest.raises(ReadOnlyError):
        axes[0].readback.put(1)
    with pytest.raises(ControllerError, match="no such command: DANCE 1"):
        axes[0].ask("DANCE")
    axes[0].velocity.set(7).wait(5)
    assert axes[0].ask("STATUS")[2] == "7.0"
    assert axes[1].ask("STATUS")[2] == "50.0"


@pytest.mark.processes
def test_an_axis_that_moves_refuses_another_move(axes):
    status = axes[0].set(50)
    with pytest.raises(ControllerError, match="ax1 is moving; stop it first"):
        axes[0].set(1)
    axes[0].stop()
    assert status.exception(5) is not None


@pytest.mark.processes
def test_a_second_connection_is_turned_away_and_counted(axes, port):
    with socket.create_connection(("127.0.0.1", port), 5) as other:
        assert other.makefile("r").readline() == "* BUSY\n"
    assert axes[0].controller.ask("CONNECTIONS") == ["1", "1"]


@pytest.mark.processes
def test_a_lost_controller_fails_the_move_and_its_axes_come_back(port):
    controller = start_controller(port)
    axis = TcpAxis(name="ax1", address=f"127.0.0.1:{port}", axis=1)
    axis.wait_for_connection(timeout=5)
    marks = Marks(axis)
    status = axis.set(90)
    end(controller)
    assert marks.wait(connected=False)
    assert "ax1 lost its connection" in str(status.exception(5))
    with pytest.raises(ControllerError, match=f"no connection to 127.0.0.1:{port}"):
        axis.set(1)
    controller = start_controller(port)
    assert marks.wait(connected=True)
    axis.set(1).wait(5)
    assert axis.position == 1.0
    axis.destroy()
    end(controller)


def test_an_address_without_a_port_is_refused():
    with pytest.raises(ValueError, match="'nowhere' is not `host:port`"):
        TcpController.shared("nowhere")
