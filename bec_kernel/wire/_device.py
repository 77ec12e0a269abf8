"""Pure: devices on the bus: descriptions, current values, calls, stops."""

from typing import Any, ClassVar

import msgspec

from bec_kernel.wire._base import Message, Problem, Readings
from bec_kernel.wire._stream import Alignment


class SignalDescription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One signal of a device: what `describe` says of it.

    Attributes:
        name: as ophyd names it.
        kind: `hinted normal config omitted`.
        dtype: `number integer string array boolean`.
        shape: empty for a scalar.
        unit: engineering unit.
        precision: digits after the point people look at.
        source: where the value comes from.
        stream: it sends samples by itself: names of its signals, one or more.
        align: how they become one value a point; None: they do not.
    """

    name: str
    kind: str = "normal"
    dtype: str = "number"
    shape: list[int] = []
    unit: str = ""
    precision: int | None = None
    source: str = ""
    stream: list[str] = []
    align: Alignment | None = None


class Motion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a motor moves: what the length of a move follows from.

    Attributes:
        velocity: highest, units/s; 0: it arrives at once.
        acceleration: units/s²; 0: it has its velocity at once.
        settle: from arrival until the move is done, s.
        travel: of every move, however long the way, s; 0: see the others.
        time_constant: of a value that follows its setpoint, s; 0: see the others.
        tolerance: so near the setpoint such a value has arrived, units.
        span: of a motor behind a computed axis: lowest and highest place of the axis.
        to: where this motor is then, at even distances of the axis, its own units.
        motor: its name, where nothing else moves it but axes whose parts add up.
        limits: of that motor; None: no limits.
    """

    velocity: float = 0.0
    acceleration: float = 0.0
    settle: float = 0.0
    travel: float = 0.0
    time_constant: float = 0.0
    tolerance: float = 0.0
    span: tuple[float, float] | None = None
    to: list[float] = []
    motor: str = ""
    limits: tuple[float, float] | None = None


class Device(Message, frozen=True, kw_only=True):
    """One device of the device list. Written by the device server that holds it.

    Attributes:
        name: of the device.
        server: name of the device server.
        device_class: as in the device list.
        readout_priority: `monitored baseline async on_request continuous`.
        enabled: takes part.
        read_only: refuses to be set.
        software_trigger: is triggered at every point.
        connected: answers.
        built: there is an object of its class, set as the list says.
        positioner: can be set as a motor.
        limits: lowest and highest setpoint, motor units; None: no limits.
        signals: what it reads, with units.
        methods: what may be called from outside.
        description: for people.
        tags: for grouping.
        problem: why it is not connected, or not built.
        on_failure: when it cannot be read: `buffer retry raise`.
        user_parameter: whatever people keep with it.
        motion: of the motor, or of each one behind it: a move takes as long as the
            slowest; empty: not known.
        needs: devices it is built from, or moves, or looks at.
    """

    name: str
    server: str
    device_class: str
    readout_priority: str = "monitored"
    enabled: bool = True
    read_only: bool = False
    software_trigger: bool = False
    connected: bool = True
    positioner: bool = False
    limits: tuple[float, float] | None = None
    signals: list[SignalDescription] = []
    methods: list[str] = []
    description: str = ""
    tags: list[str] = []
    problem: Problem | None = None
    on_failure: str = "retry"
    user_parameter: dict[str, Any] = {}
    motion: list[Motion] = []
    needs: list[str] = []
    built: bool = True

    @property
    def flaw(self) -> str:
        """Why it cannot be used: `disabled`, `not connected: …`; empty: it can."""
        if not self.enabled:
            return "disabled"
        if self.connected:
            return ""
        said = (
            self.problem.message.removeprefix(f"{self.name}: ") if self.problem else ""
        )
        told = f": {said}" if said else ""
        return f"not {'connected' if self.built else 'built'}{told}"


class DeviceValue(Message, frozen=True, kw_only=True):
    """A device's newest readings. Written by its device server.

    Attributes:
        readings: by signal.
        moving: it is on its way.
    """

    readings: Readings
    moving: bool = False


class Call(Message, frozen=True, kw_only=True):
    """Call a public method of a device. Written by the asker.

    Attributes:
        request_id: unique for ever.
        device: its name.
        method: dotted, as published: `read`, `velocity.set`.
        args: positional.
        kwargs: named.
        deadline: s since the epoch, wall clock.
        HARMLESS: last words of methods that change nothing.
    """

    HARMLESS: ClassVar[tuple[str, ...]] = (
        *("read", "get", "describe", "read_configuration", "describe_configuration"),
    )

    request_id: str
    device: str
    method: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    deadline: float = 0.0


class Called(Message, frozen=True, kw_only=True):
    """A call that may have changed a device. Written by its device server.

    Attributes:
        request_id: of the call.
        user: the user that called.
        device: its name.
        method: dotted.
        args: positional.
        kwargs: named.
        time: when it began, s since the epoch, wall clock.
        took: s.
        before: the device's numbers, texts and flags before, by signal.
        after: the same when it was done.
        problem: why it was not done; empty: it was.
    """

    request_id: str
    user: str
    device: str
    method: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    time: float = 0.0
    took: float = 0.0
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    problem: str = ""


class StopDevices(Message, frozen=True, kw_only=True):
    """Stop devices now: no queue, no worker. Written by the asker.

    Attributes:
        request_id: unique for ever.
        devices: names; empty: all of them.
    """

    request_id: str
    devices: list[str] = []
