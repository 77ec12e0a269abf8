import threading

import pytest
from ophyd.status import Status, StatusBase, wait

from bec_services.device_server.clock import VirtualClock
from bec_services.device_server.devices.status import LightStatus


def test_a_status_is_done_with_success_when_finished():
    status = LightStatus()
    assert (status.done, status.success) == (False, False)
    assert status.set_finished()
    assert (status.done, status.success) == (True, True)
    assert status.exception() is None


def test_a_failed_status_tells_why():
    status = LightStatus()
    status.set_exception(ValueError("no beam"))
    assert (status.done, status.success) == (True, False)
    assert str(status.exception(timeout=0)) == "no beam"
    with pytest.raises(ValueError, match="no beam"):
        status.wait()


def test_the_first_outcome_counts():
    status = LightStatus()
    status.set_exception(RuntimeError("stopped"))
    assert not status.set_finished()
    assert not status.success


def test_callbacks_run_at_the_end_or_at_once_when_it_is_over():
    status, calls = LightStatus(), []
    status.add_callback(calls.append)
    assert calls == []
    status.set_finished()
    status.add_callback(calls.append)
    assert calls == [status, status]


def test_a_broken_callback_keeps_the_others_from_nothing():
    status, calls = LightStatus(), []
    status.add_callback(lambda _: 1 / 0)
    status.add_callback(calls.append)
    status.set_finished()
    assert calls == [status]


def test_no_status_starts_a_thread():
    before = threading.active_count()
    statuses = [LightStatus() for _ in range(100)]
    assert threading.active_count() == before
    assert not any(status.done for status in statuses)


def test_a_wait_without_a_clock_ends_from_another_thread_or_with_its_timeout():
    status = LightStatus()
    with pytest.raises(TimeoutError):
        status.wait(timeout=0.01)
    threading.Timer(0.01, status.set_finished).start()
    status.wait(timeout=5)


def test_a_wait_with_a_virtual_clock_runs_it():
    clock = VirtualClock()
    status = LightStatus(clock)
    clock.call_later(3600, status.set_finished)
    status.wait()
    assert clock.monotonic() == 3600


def test_ophyd_waits_for_it_as_for_its_own():
    status = LightStatus()
    threading.Timer(0.01, status.set_finished).start()
    wait(status, timeout=5)


def test_two_are_joined_by_and_and_the_first_failure_counts():
    one, two = LightStatus(), LightStatus()
    both = one & two
    one.set_finished()
    assert not both.done
    two.set_exception(ValueError("two"))
    assert str(both.exception()) == "two"


def test_ophyds_own_status_joins_with_it():
    theirs, ours = Status(), LightStatus()
    both = theirs & ours
    assert isinstance(both, StatusBase)
    ours.set_finished()
    theirs.set_finished()
    both.wait(timeout=5)
    assert both.success
