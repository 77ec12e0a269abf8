import threading
import time

import pytest

from bec_services.device_server.clock import (
    VIRTUAL_START,
    NothingScheduled,
    Stopped,
    VirtualClock,
    WallClock,
)
from bec_services.device_server.devices.status import LightStatus


@pytest.fixture(params=[WallClock, VirtualClock])
def clock(request):
    clock = request.param()
    yield clock
    clock.close()


@pytest.fixture
def wall_clock():
    clock = WallClock()
    yield clock
    clock.close()


def test_a_virtual_clock_starts_at_its_date_and_stands_still():
    clock = VirtualClock()
    assert clock.time() == VIRTUAL_START
    assert clock.time() == VIRTUAL_START


def test_a_wait_ends_when_a_timer_finishes_the_status(clock):
    status = LightStatus()
    began = clock.monotonic()
    clock.call_later(0.02, status.set_finished)
    clock.wait([status], timeout_s=5)
    assert status.success
    assert 0.02 <= clock.monotonic() - began + 1e-6 < 5


def test_a_wait_for_what_is_done_ends_at_once(clock):
    clock.wait([LightStatus.finished()], timeout_s=0)
    clock.wait([], timeout_s=0)


def test_a_wait_ends_with_a_failed_status_too(clock):
    status = LightStatus()
    clock.call_later(0.01, lambda: status.set_exception(ValueError("broken")))
    clock.wait([status], timeout_s=5)
    assert str(status.exception()) == "broken"


def test_a_wait_longer_than_its_timeout_raises(clock):
    status = LightStatus()
    clock.call_later(30, status.set_finished)
    began = clock.monotonic()
    with pytest.raises(TimeoutError):
        clock.wait([status], timeout_s=0.02)
    assert clock.monotonic() - began == pytest.approx(0.02, abs=1)


def test_a_wait_ends_when_someone_stops_it(clock):
    stop = threading.Event()
    status = LightStatus()

    def stop_it():
        stop.set()
        clock.wake()

    clock.call_later(0.02, stop_it)
    clock.call_later(30, status.set_finished)
    with pytest.raises(Stopped):
        clock.wait([status], timeout_s=60, stop=stop)


def test_a_wait_on_the_wall_clock_notices_a_stop_from_another_thread_at_once():
    clock, stop = WallClock(), threading.Event()
    waiting = threading.Event()
    noticed = []

    def wait():
        status = LightStatus()
        waiting.set()
        try:
            clock.wait([status], timeout_s=10, stop=stop)
        except Stopped:
            noticed.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(5)
    asked = time.monotonic()
    stop.set()
    clock.wake()
    thread.join(5)
    assert noticed[0] - asked < 0.5


def test_a_sleep_lets_the_time_pass_and_can_be_stopped(clock):
    began = clock.monotonic()
    clock.sleep(0.02)
    assert clock.monotonic() - began >= 0.02 - 1e-9
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        clock.sleep(10, stop)


@pytest.mark.slow
def test_a_cancelled_timer_does_not_run(clock):
    calls = []
    timer = clock.call_later(0.5, lambda: calls.append("cancelled"))
    clock.call_later(0.6, lambda: calls.append("kept"))
    timer.cancel()
    clock.sleep(1.0)
    assert calls == ["kept"]


def test_an_error_of_a_callback_stops_neither_the_clock_nor_the_others(clock):
    status = LightStatus()
    clock.call_later(0.01, lambda: 1 / 0)
    clock.call_later(0.02, status.set_finished)
    clock.wait([status], timeout_s=5)
    assert status.success


def test_a_timer_due_earlier_runs_earlier_though_asked_for_later(clock):
    order = []
    clock.call_later(0.1, lambda: order.append("late"))
    clock.call_later(0.05, lambda: order.append("early"))
    clock.sleep(0.3)
    assert order == ["early", "late"]


def test_a_virtual_clock_runs_what_is_due_up_to_the_end_of_a_sleep_and_no_further():
    clock = VirtualClock()
    seen = []
    for seconds in (1, 2, 3):
        clock.call_later(seconds, lambda: seen.append(clock.monotonic()))
    clock.sleep(2)
    assert seen == [1, 2]
    assert clock.time() == VIRTUAL_START + 2


def test_a_virtual_clock_says_when_nothing_can_end_the_wait():
    with pytest.raises(NothingScheduled, match="simulated"):
        VirtualClock().wait([LightStatus()], timeout_s=1)


def test_a_virtual_clock_stops_at_the_timeout_not_at_the_event_after_it():
    clock = VirtualClock()
    status = LightStatus()
    clock.call_later(100, status.set_finished)
    with pytest.raises(TimeoutError):
        clock.wait([status], timeout_s=10)
    assert clock.monotonic() == 10


def test_hours_pass_on_a_virtual_clock_while_hardly_any_do_here():
    clock = VirtualClock()
    began = time.monotonic()
    for _ in range(1000):
        clock.sleep(10.8)
    assert clock.monotonic() == pytest.approx(3 * 3600)
    assert time.monotonic() - began < 1


def test_the_wall_clock_has_one_thread_however_many_timers(wall_clock):
    clock = wall_clock
    before = threading.active_count()
    done = [LightStatus() for _ in range(200)]
    for number, status in enumerate(done):
        clock.call_later(number % 7 / 1000, status.set_finished)
    assert threading.active_count() == before + 1
    clock.wait(done, timeout_s=5)


def test_a_closed_clock_makes_no_more_calls(clock):
    calls = []
    clock.call_later(0.01, lambda: calls.append("late"))
    clock.close()
    clock.sleep(0.05)
    assert calls == []
