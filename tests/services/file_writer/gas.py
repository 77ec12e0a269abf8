"""A scan of five points with streams, their rows at the points, and a fit."""

from typing import Any

import numpy as np

from bec_kernel.bus.changes import Append, Change, Id, Put
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    Aligned,
    AlignedEnd,
    AlignedRow,
    Begin,
    Device,
    Fit,
    Reading,
    Sample,
    Samples,
    SignalDescription,
    StreamEnd,
    StreamMode,
    keys,
)
from tests.services.recorded import T0, begin, points_log

POINTS = 5
FLOW = SignalDescription(
    name="gas_flow", kind="omitted", stream=["a", "b"], align="mean", unit="l"
)
COUNT = SignalDescription(
    name="gas_count", kind="omitted", stream=["value"], align="sum"
)
MODE = SignalDescription(
    name="gas_mode", dtype="string", stream=["value"], align="previous", kind="omitted"
)
WAVE = SignalDescription(
    name="gas_wave", kind="omitted", dtype="array", stream=["value"]
)
SILENT = SignalDescription(
    name="gas_silent", kind="omitted", stream=["value"], align="linear"
)
SLICES = SignalDescription(
    name="gas_slices", kind="omitted", dtype="array", stream=["value"]
)
NEWEST = SignalDescription(
    name="gas_newest", kind="omitted", dtype="array", stream=["value"]
)
SIGNALS = [FLOW, COUNT, MODE, WAVE, SLICES, NEWEST, SILENT]
GAS = Device(name="gas", server="main", device_class="Sim", signals=SIGNALS)
FIT = Fit(
    points=POINTS,
    model="gaussian",
    x="samx",
    y="bpm4i",
    values={"amplitude": 2.5, "center": 0.1 + 0.2},
    errors={"center": 0.01},
    curve=[[-1.0, 0.0, 1.0], [0.5, 1 / 3, 0.1]],
    final=True,
)


def gas_scan(**changes: Any) -> Begin:
    names = ("samx", "samz", "bpm4i", "gas")
    fields = {"streaming": ["gas"], "servers": dict.fromkeys(names, "main")}
    return begin(POINTS, **{**fields, "fit": "gaussian", **changes})


def put_devices(bus: MemoryBus) -> None:
    for name in ("samx", "samz", "bpm4i"):
        device = Device(name=name, server="main", device_class="Sim")
        bus.commit([Put(keys.devices("main"), device, name)])
    bus.commit([Put(keys.devices("main"), GAS, "gas")])


def value_of(name: str, number: int) -> Any:
    """What a stream's n-th sample and row say: the first text and count is unknown."""
    flow = number + (0.25 if name.endswith("a") else 0.5)
    found = {"gas_count": 10 * number, "gas_mode": "größer " * number}.get(name, flow)
    return found if number or name.startswith("gas_flow") else None


def shown(signal: SignalDescription) -> list[str]:
    """What the values of a stream are called outside it."""
    names = signal.stream
    return [signal.name if n == "value" else f"{signal.name}_{n}" for n in names]


def row(signal: SignalDescription, number: int, extra: float = 0.0) -> AlignedRow:
    values = {
        name: Reading(
            None if signal is SILENT else value_of(name, number), T0 + number + extra
        )
        for name in shown(signal)
    }
    return AlignedRow(number, values)


def rows_log(signal: SignalDescription) -> list[Change]:
    """The rows of a stream: one an entry, point 1 twice, then the end."""
    log = keys.aligned("scan1", "gas", signal.name)
    places = [*((Id(n + 1), n) for n in range(POINTS)), (Id(POINTS, 1), 1)]
    found: list[Change] = [
        Append(log, Aligned(rows=[row(signal, n, 0.5 * at.minor)], refused=3), at)
        for at, n in places
    ]
    return [*found, Append(log, AlignedEnd(refused=3), Id(POINTS + 1))]


def sample(signal: SignalDescription, number: int) -> Sample:
    """The n-th sample: of slices two or three make a row, and there is no row 1."""
    names = dict(zip(signal.stream, shown(signal), strict=True))
    values = {n: value_of(outside, number) for n, outside in names.items()}
    if signal.dtype == "array":
        values = {"value": np.arange(4.0) + number}
    row = (0, 0, 2)[number // 3] if signal is SLICES else 0
    return Sample(T0 + number / 8, values, row)


def samples_log(signal: SignalDescription) -> list[Change]:
    """Samples 1 to 7 in two entries, and the end; a stream may be silent."""
    log = keys.streams("scan1", "gas", signal.name)
    modes = {"gas_slices": StreamMode.ADD_SLICE, "gas_newest": StreamMode.REPLACE}
    mode = modes.get(signal.name, StreamMode.ADD)
    count = 0 if signal is SILENT else 7
    some = [sample(signal, n + 1) for n in range(count)]
    sent = [
        Append(log, Samples(index=n, samples=some[n : n + 5], mode=mode), Id(n + 5))
        for n in range(0, count, 5)
    ]
    end = StreamEnd(samples=count, time=T0 + 9)
    return [*sent, Append(log, end, Id(20))]


def everything_sent() -> list[Change]:
    """Samples and rows of all streams, and the fit."""
    aligned = [one for one in SIGNALS if one.align is not None]
    return [
        *(change for one in SIGNALS for change in samples_log(one)),
        *(change for one in aligned for change in rows_log(one)),
        Append(keys.fits("scan1"), FIT, Id(POINTS, 1)),
    ]


def points() -> list[Change]:
    log = keys.points("scan1")
    return [Append(log, entry, at) for at, entry in points_log(POINTS)]
