"""Pure: Base class of scan definitions: parameters and positions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from bec_kernel.wire import Form, Parameter, Signature, StepKind
from bec_services.scan_server.program.condition import condition_of
from bec_services.scan_server.program.request import Program, StepRequest

Position = dict[str, float]
"""Setpoint of each motor, motor units."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A request's words, bound to a scan's parameters and checked.

    Attributes:
        bundles: one list a bundle, in the order of `Scan.bundle`; a part is a dict of
            its scan's name and its own bundles and options.
        options: every option, by name.
    """

    bundles: list[list[Any]] = []
    options: dict[str, Any] = {}

    def __getitem__(self, option: str) -> Any:
        """Return an option."""
        return self.options[option]

    @property
    def motors(self) -> list[str]:
        """The devices named first in each bundle; of a scan in parts, those of all."""
        named = [bundle[0] for bundle in self.bundles if isinstance(bundle[0], str)]
        of_parts = (motor for _, words in self.parts for motor in words.motors)
        return list(dict.fromkeys([*named, *of_parts]))

    @property
    def parts(self) -> list[tuple[str, "Bound"]]:
        """The scans it is made of: name and words of each; none of most scans."""
        found = (bundle[0] for bundle in self.bundles if isinstance(bundle[0], dict))
        return [
            (one["name"], Bound(bundles=one["bundles"], options=one["options"]))
            for one in found
        ]


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
        whole=True,
        default="",
        doc="detector that is plotted and fitted; the first one if none is named",
    ),
    Parameter(
        name="fit",
        kind="str",
        whole=True,
        default="",
        choices=list(FIT_MODELS),
        doc="lmfit model fitted while it runs",
    ),
    Parameter(
        name="monitored",
        kind="device_list",
        whole=True,
        default=[],
        doc="devices read at every point of this scan, besides those that always are",
    ),
    Parameter(
        name="on_request",
        kind="device_list",
        whole=True,
        default=[],
        doc="devices this scan does not read",
    ),
    Parameter(
        name="file_suffix",
        kind="str",
        whole=True,
        default="",
        doc="ends the name of the scan's folder: S00042_SUFFIX",
    ),
    Parameter(
        name="file_directory",
        kind="str",
        whole=True,
        default="",
        doc="folders below the instance's files, like: user/sample_1",
    ),
)


class PointMaker:
    """Makes the points of one scan, numbered in the order they are taken.

    Attributes:
        start: where the motors were, for a scan that counts from there.
        back: where they go when the scan, or this part of it, is left.
        since: when the scan, or this part of it, began, s after opening.
        taken: how many points were made.
        clock: a device whose server tells what time it is; empty: there is none.
    """

    def __init__(
        self, bound: Bound, start: Mapping[str, float], clock: Sequence[str] = ()
    ) -> None:
        self.taken = 0
        self.clock = list(clock)
        self.begin(bound, start)

    def begin(self, bound: Bound, start: Mapping[str, float]) -> None:
        """Begin a scan, or a part of it, whose points are numbered on."""
        self.start = start
        self.back: Position = {}
        self.since = 0.0
        self._bound = bound

    def there(self, position: Position) -> Position:
        """Return a position as setpoints: a relative one counts from the start."""
        return {m: at + self.start.get(m, 0.0) for m, at in position.items()}

    def point(self, position: Position, *, answer: bool = False) -> StepRequest:
        """Return the next point.

        Args:
            position: where to take it; empty: where one is.
            answer: the program goes on with its readings, by device.
        """
        bound, self.taken = self._bound, self.taken + 1
        return StepRequest(
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

    Its docstring is what people read; the first line is its summary. `scattered`: its
    points lie anywhere in the plane of its first two motors, and are drawn there.
    `is_published`: people can ask for it.
    `version`: increase it when the program's steps change: a scan that was begun with
    another version is not continued after a restart. Subclasses inherit it.
    """

    name: ClassVar[str]
    bundle: ClassVar[tuple[Parameter, ...]] = ()
    bundles: ClassVar[tuple[int, int]] = (0, 0)
    options: ClassVar[tuple[Parameter, ...]] = ()
    aliases: ClassVar[tuple[str, ...]] = ()
    forms: ClassVar[tuple[Form, ...]] = ()
    example: ClassVar[str] = ""
    is_scan: ClassVar[bool] = True
    is_published: ClassVar[bool] = True
    driven: ClassVar[bool] = False
    scattered: ClassVar[bool] = False
    version: ClassVar[int] = 1
    others: Callable[[str], "Scan"]
    """Finds a scan by its name; given by the catalogue."""

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield where to go, one position after the other. A pure function."""
        raise NotImplementedError

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield positions between which it stays: checked before anything moves."""
        return self.positions(bound)

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Yield what is to be done between staging and clean-up. A pure function."""
        until = condition_of(bound.options.get("wait_until", ""))
        for number, position in enumerate(self.positions(bound)):
            due = self.due(bound, number)
            if due is not None or until is not None:
                at = None if due is None else taking.since + due
                yield StepRequest(kind=StepKind.WAIT, at=at, until=until)
            for _ in range(bound["burst_at_each_point"]):
                yield taking.point(position)

    def parts(self, bound: Bound) -> list[tuple["Scan", Bound]]:
        """Return the scans it is made of, each with its words; most are their own."""
        found = [(self.others(name), words) for name, words in bound.parts]
        return found or [(self, bound)]

    def flyers(self, bound: Bound) -> list[str]:
        """Return devices that fly in it: they are staged, and held."""
        return []

    def asks(self, bound: Bound) -> list[str]:
        """Return the names of the analyses that its program asks."""
        return []

    def due(self, bound: Bound, number: int) -> float | None:
        """Return when a position is due, s after opening; None: as soon as can be.

        Of a part of a scan it is counted from where the part began.
        """
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
    def has_parts(cls) -> bool:
        """Say whether it is made of other scans."""
        return any(parameter.kind == "scan" for parameter in cls.bundle)

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
