"""Waits before something that failed is tried again."""

from bec_kernel.bus import backoff


def test_each_failure_doubles_the_wait_up_to_the_longest():
    assert [backoff(n, 0.5, 3.0) for n in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_any_number_of_failures_gives_the_longest_wait():
    assert backoff(10**9, 0.02, 1.0) == 1.0
    assert backoff(-1, 0.02, 1.0) == 0.0
