"""A rule over a device's value that a step waits for."""

import msgspec


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is to be so: a value above, below, or between two numbers.

    Attributes:
        device: whose value.
        signal: key of its reading; empty: the first one.
        above: the value must be greater; None: no matter.
        below: the value must be smaller; None: no matter.
        held: for so long without a break, s, device server's clock.
        deadline: given up after so long, s, device server's clock.
    """

    device: str
    signal: str = ""
    above: float | None = None
    below: float | None = None
    held: float = 0.0
    deadline: float = 86400.0

    def is_met(self, value: float) -> bool:
        """Say whether `value` is as it must be."""
        low = self.above is None or value > self.above
        return low and (self.below is None or value < self.below)

    def __str__(self) -> str:
        """Return it as people say it."""
        words = [self.signal or self.device]
        words += [] if self.above is None else [f"above {self.above:g}"]
        words += [] if self.below is None else [f"below {self.below:g}"]
        words += [f"for {self.held:g} s"] if self.held else []
        return " ".join(words)
