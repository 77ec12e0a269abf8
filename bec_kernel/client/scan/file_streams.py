"""Streams, aligned rows and the fit of a scan from its file."""

from collections.abc import Iterator
from math import isnan

import msgspec

from bec_kernel.client.scan.file_point_metadata import COLLECTION
from bec_kernel.client.scan.file_reader import DEVICES, listed, signals_of
from bec_kernel.client.scan.remote_file import RemoteFile, RemoteItem
from bec_kernel.client.scan.signals import SignalData
from bec_kernel.client.scan.streams import AtPoints, ByPoint
from bec_kernel.wire import Begin, Fit, Reading, Readings

_ALIGNED = f"{COLLECTION}/aligned"
_CONFIGURATION = f"{COLLECTION}/configuration"
_BEC = f"{COLLECTION}/metadata/bec"
_FIT = f"{COLLECTION}/fit"
_FIT_PARTS = ("points", "model", "x", "y", "message")
_GOOD = 0


def aligned_of(file: RemoteFile) -> AtPoints:
    """Return what was aligned to the points of a scan.

    Raises:
        RefusedError: the file is not finished, or no scan's.
        DeadlineError: the file writer does not answer.
    """
    found: ByPoint = {}
    units: dict[str, str] = {}
    for place in signals_of(file, _ALIGNED):
        name = place.rpartition("/")[2]
        value = file[f"{_ALIGNED}/{place}/value"]
        found[name] = dict(_rows(file, f"{_ALIGNED}/{place}", value))
        if unit := value.attrs.get("units"):
            units[name] = str(unit)
    return AtPoints(found, units)


def _rows(
    file: RemoteFile, place: str, value: RemoteItem
) -> Iterator[tuple[int, Reading]]:
    stamps = file[f"{place}/timestamp"][...].tolist()
    codes = file[f"{place}/status"][...].tolist()
    rows = zip(listed(value[...]), stamps, codes, strict=True)
    for number, (one, when, code) in enumerate(rows):
        if not isnan(when):
            yield number, Reading(one if code == _GOOD else None, when)


def streams_of_file(file: RemoteFile) -> list[tuple[str, str]]:
    """Return device and signal of what devices sent by themselves.

    Raises:
        RefusedError: the file is not finished, or no scan's.
        DeadlineError: the file writer does not answer.
    """
    places = signals_of(file, f"{COLLECTION}/readout_groups/async")
    pairs = (place.partition("/") for place in places)
    return [(device, signal) for device, _, signal in pairs]


def stream_of_file(file: RemoteFile, device: str, signal: str) -> SignalData:
    """Return what one of them has in the file; nothing, where nothing was sent."""
    import numpy as np

    place = f"{DEVICES}/{device}"
    devices = file[DEVICES].names
    if device not in devices or signal not in file[place].names:
        return SignalData(signal, np.array([]), np.array([]))
    item = file[f"{place}/{signal}/value"]
    times = np.asarray(file[f"{place}/{signal}/timestamp"][...])
    value = np.asarray(item[...])
    if value.dtype.kind == "S":
        value = np.array(listed(value), object)
    if len(times) == 1 < len(value):
        value = value[np.newaxis]
    return SignalData(signal, value, times, str(item.attrs.get("units", "")))


def configuration_of(file: RemoteFile) -> dict[str, Readings]:
    """Return how the devices of a scan were set up; empty, where that was not read.

    Raises:
        RefusedError: the file is not finished, or no scan's.
        DeadlineError: the file writer does not answer.
    """
    found: dict[str, Readings] = {}
    for device in file[_CONFIGURATION].names:
        place = f"{_CONFIGURATION}/{device}"
        for signal in map(str, file[place].attrs.get("signals", ())):
            value, when = (
                listed(file[f"{place}/{signal}/{part}"][...], once=True)[0]
                for part in ("value", "timestamp")
            )
            found.setdefault(device, {})[signal] = Reading(value, when)
    return found


def begin_of(file: RemoteFile) -> Begin:
    """Return the first entry of a scan's step log.

    Raises:
        RefusedError: the file is not finished, or no scan's.
        DeadlineError: the file writer does not answer.
    """
    told = listed(file[f"{_BEC}/definition"][...], once=True)[0]
    return msgspec.json.decode(told, type=Begin)


def first_of(file: RemoteFile) -> dict[str, float]:
    """Return the setpoints of the first point of a relative scan; else empty.

    Raises:
        RefusedError: there is no file that can be read.
        DeadlineError: the file writer does not answer.
    """
    if "first" not in file[_BEC].names:
        return {}
    told = listed(file[f"{_BEC}/first"][...], once=True)[0]
    return msgspec.json.decode(told, type=dict[str, float])


def fit_of(file: RemoteFile) -> Fit | None:
    """Return the final fit of a scan; None: it has none.

    Raises:
        RefusedError: the file is not finished, or no scan's.
        DeadlineError: the file writer does not answer.
    """
    if "fit" not in file[COLLECTION].names or not file[f"{_FIT}/model"].shape[0]:
        return None
    names, values, errors = (
        listed(file[f"{_FIT}/parameters/{part}"][...])
        for part in ("name", "value", "error")
    )
    told = zip(names, errors, strict=True)
    curve = [listed(file[f"{_FIT}/curve/{axis}"][...]) for axis in ("x", "y")]
    return Fit(
        values=dict(zip(names, values, strict=True)),
        errors={name: error for name, error in told if not isnan(error)},
        curve=curve if curve[0] else [],
        final=True,
        **{part: listed(file[f"{_FIT}/{part}"][...])[0] for part in _FIT_PARTS},
    )
