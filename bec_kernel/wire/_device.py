"""Devices as the bus knows them: what there is, what is so now, what to do."""

from typing import Any

import msgspec

from bec_kernel.wire._base import Message, Problem, Readings


class SignalInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    """

    name: str
    kind: str = "normal"
    dtype: str = "number"
    shape: list[int] = []
    unit: str = ""
    precision: int | None = None
    source: str = ""
    stream: list[str] = []


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
        positioner: can be set as a motor.
        limits: lowest and highest setpoint, motor units; None: no limits.
        signals: what it reads, with units.
        methods: what may be called from outside.
        description: for people.
        tags: for grouping.
        problem: why it is not connected.
        on_failure: when it cannot be read: `buffer retry raise`.
        user_parameter: whatever people keep with it.
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
    signals: list[SignalInfo] = []
    methods: list[str] = []
    description: str = ""
    tags: list[str] = []
    problem: Problem | None = None
    on_failure: str = "retry"
    user_parameter: dict[str, Any] = {}


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
    """

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
        user: who called.
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
