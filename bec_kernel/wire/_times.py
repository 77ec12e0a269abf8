"""Where the time of a point went."""

import msgspec


class Times(msgspec.Struct, frozen=True, array_like=True):
    """How long each part of a point took, on the device server's clock.

    With several device servers a part is as long as that of the slowest. From the start
    of one point to the start of the next its parts add up, `wait` and `overhead` being
    told with the next one.

    Attributes:
        start: it was taken up, s since the epoch.
        move: until all motors had arrived, s.
        settle: settling before and after the trigger, s.
        trigger: exposure, and what detectors need on top of it, s.
        read: s.
        wait: for a moment or a value the scan wanted, since the point before, s.
        overhead: the rest since the point before, s.
    """

    start: float
    move: float = 0.0
    settle: float = 0.0
    trigger: float = 0.0
    read: float = 0.0
    wait: float = 0.0
    overhead: float = 0.0

    @property
    def end(self) -> float:
        """When the point was read, s since the epoch."""
        return self.start + self.move + self.settle + self.trigger + self.read
