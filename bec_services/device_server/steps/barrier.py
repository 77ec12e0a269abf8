"""Pure: what keeps several device servers in step within one point."""

from collections.abc import Callable

Barrier = Callable[[int], None]
"""Called with a phase; returns when all device servers of the step have ended it.

Raises `Withdrawn` when one of them will not, `Stopped` when the step is stopped.
"""


class Withdrawn(Exception):  # noqa: N818 - an outcome, not a fault
    """Another device server does not do its part of the step."""
