"""What a scan definition is made of: only its own. The frame does the rest."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from bec_kernel.wire import Form, Parameter, Signature, StepKind
from bec_services.scan_server.condition import condition_of
from bec_services.scan_server.want import Program, Want

Position = dict[str, float]
"""Setpoint of each motor, motor units."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A request's words, bound to a scan's parameters and checked.

    Attributes:
        bundles: one list a bundle, in the order of `Scan.bundle`.
        options: every option, by name.
    """

    bundles: list[list[Any]] = []
    options: dict[str, Any] = {}

    def __getitem__(self, option: str) -> Any:
        """Return an option."""
        return self.options[option]

    @property
    def motors(self) -> list[str]:
        """The devices named first in each bundle."""
        return [bundle[0] for bundle in self.bundles if isinstance(bundle[0], str)]


MAX_POINTS = 1_000_000
"""A scan with more points than that is a slip of the pen."""

MOTOR = Parameter(name="motor", kind="device", doc="motor to move", required=True)
START = Parameter(
    name="start", kind="float", unit="motor", doc="first position", required=True
)
STOP = Parameter(
    name="stop", kind="float", unit="motor", doc="last position", required=True
)
RELATIVE = Parameter(
    name="relative", kind="bool", default=False, doc="positions count from where one is"
)

FIT_MODELS = (
    "Gaussian",
    "Lorentzian",
    "Voigt",
    "PseudoVoigt",
    "SplitLorentzian",
    "SkewedGaussian",
    "SkewedVoigt",
    "ExponentialGaussian",
    "Moffat",
    "Pearson4",
    "Pearson7",
    "StudentsT",
    "Breit-Wigner",
    "Log-Normal",
    "Doniach",
    "DampedOscillator",
    "DampedHarmonicOscillator",
    "Step",
    "Rectangle",
    "Linear",
    "Quadratic",
    "Exponential",
    "PowerLaw",
)
"""lmfit's models of one variable that need no more than data."""


def seconds(name: str, doc: str, default: float | None = 0.0) -> Parameter:
    """Return a time in s, up to some days; without a default it must be given."""
    return Parameter(
        name=name,
        kind="float",
        unit="s",
        default=default,
        low=0.0,
        high=1e6,
        required=default is None,
        doc=doc,
    )


COMMON = (
    seconds("exp_time", "exposure"),
    Parameter(
        name="frames_per_trigger", kind="int", default=1, low=1, doc="frames a trigger"
    ),
    seconds(
        "readout_time",
        "what a detector needs after each frame; a trigger lasts so much longer",
    ),
    seconds("settling_time", "wait between arrival and trigger"),
    seconds("settling_time_after_trigger", "wait between trigger and readout"),
    Parameter(
        name="burst_at_each_point",
        kind="int",
        default=1,
        low=1,
        doc="points taken at each position",
    ),
    Parameter(
        name="wait_until",
        kind="str",
        default="",
        doc="rule that must hold before each position, like: ring above 80 for 60",
    ),
    Parameter(
        name="signal",
        kind="device",
        default="",
        doc="detector that is plotted and fitted; the first one if none is named",
    ),
    Parameter(
        name="fit",
        kind="str",
        default="",
        choices=list(FIT_MODELS),
        doc="lmfit model fitted while it runs",
    ),
    Parameter(
        name="monitored",
        kind="device_list",
        default=[],
        doc="devices read at every point of this scan, besides those that always are",
    ),
    Parameter(
        name="on_request",
        kind="device_list",
        default=[],
        doc="devices this scan does not read",
    ),
    Parameter(
        name="file_suffix",
        kind="str",
        default="",
        doc="ends the name of the scan's folder: S00042_SUFFIX",
    ),
    Parameter(
        name="file_directory",
        kind="str",
        default="",
        doc="folders below the instance's files, like: user/sample_1",
    ),
)


class Taking:
    """Makes the points of one scan, numbered in the order they are taken.

    Attributes:
        start: where the motors were, for a scan that counts from there.
        taken: how many points were made.
    """

    def __init__(self, bound: Bound, start: Mapping[str, float]) -> None:
        self.start = start
        self.taken = 0
        self._bound = bound

    def there(self, position: Position) -> Position:
        """Return a position as setpoints: a relative one counts from the start."""
        return {m: at + self.start.get(m, 0.0) for m, at in position.items()}

    def point(self, position: Position, *, answer: bool = False) -> Want:
        """Return the next point.

        Args:
            position: where to take it; empty: where one is.
            answer: the program goes on with its readings, by device.
        """
        bound, self.taken = self._bound, self.taken + 1
        return Want(
            kind=StepKind.POINT,
            set=self.there(position),
            point_id=self.taken - 1,
            settle=bound["settling_time"],
            exposure=(bound["exp_time"] + bound["readout_time"])
            * bound["frames_per_trigger"],
            settle_after=bound["settling_time_after_trigger"],
            answer=answer,
        )


class Scan:
    """One kind of scan. A subclass says its parameters and its positions.

    Its docstring is what people read; the first line is its summary.
    """

    name: ClassVar[str]
    bundle: ClassVar[tuple[Parameter, ...]] = ()
    bundles: ClassVar[tuple[int, int]] = (0, 0)
    options: ClassVar[tuple[Parameter, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    forms: ClassVar[tuple[Form, ...]] = ()
    example: ClassVar[str] = ""
    is_scan: ClassVar[bool] = True
    driven: ClassVar[bool] = False
    scattered: ClassVar[bool] = False

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield where to go, one position after the other. A pure function."""
        raise NotImplementedError

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield positions between which it stays: checked before anything moves."""
        return self.positions(bound)

    def program(self, bound: Bound, taking: Taking) -> Program:
        """Yield what is to be done between staging and clean-up. A pure function."""
        until = condition_of(bound.options.get("wait_until", ""))
        for number, position in enumerate(self.positions(bound)):
            due = self.due(bound, number)
            if due is not None or until is not None:
                yield Want(kind=StepKind.WAIT, at=due, until=until)
            for _ in range(bound["burst_at_each_point"]):
                yield taking.point(position)

    def flyers(self, bound: Bound) -> list[str]:
        """Return devices that fly in it: they are staged, and held."""
        return []

    def asks(self, bound: Bound) -> list[str]:
        """Return the names of the analyses that its program asks."""
        return []

    def due(self, bound: Bound, number: int) -> float | None:
        """Return when a position is due, s after opening; None: as soon as can be."""
        return None

    def count(self, bound: Bound) -> float | None:
        """Return the number of positions, where it is known without making them."""
        return None

    def shape(self, bound: Bound) -> list[int]:
        """Return the shape of the points: (points,) or (slow, fast)."""
        burst = int(bound.options.get("burst_at_each_point", 1))
        count = self.count(bound)
        if count is None:
            count = sum(1 for _ in self.positions(bound))
        return [int(count) * burst]

    @classmethod
    def all_options(cls) -> tuple[Parameter, ...]:
        """Return its own options and those all scans have."""
        return (*cls.options, *COMMON) if cls.is_scan else cls.options

    @classmethod
    def all_aliases(cls) -> list[str]:
        """Return its other names, those with words of their own included."""
        return [*cls.aliases, *(form.name for form in cls.forms)]

    @classmethod
    def signature(cls) -> Signature:
        """Return it as it is published."""
        return Signature(
            name=cls.name,
            doc=" ".join((cls.__doc__ or "").split()),
            bundle=list(cls.bundle),
            bundles=cls.bundles,
            options=list(cls.all_options()),
            aliases=cls.all_aliases(),
            forms=list(cls.forms),
            example=cls.example,
            is_scan=cls.is_scan,
            driven=cls.driven,
        )
