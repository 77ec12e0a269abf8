"""Pure: how long to wait before something that failed is tried again."""

_MOST_DOUBLINGS = 64


def backoff(failures: int, first: float, longest: float) -> float:
    """Give the time to wait after a number of failures in a row, in seconds.

    Args:
        failures: number of failures since the last success; 0 gives no wait.
        first: wait after the first failure, s; each further failure doubles it.
        longest: the wait never exceeds this, s.
    """
    if failures <= 0:
        return 0.0
    return float(min(longest, first * 2 ** min(failures - 1, _MOST_DOUBLINGS)))
