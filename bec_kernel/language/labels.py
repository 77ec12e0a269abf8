"""Pure: short texts on a scan, the same in Python, notebook, plot and terminal."""

from numbers import Real
from typing import Any

from bec_kernel.language.format import summary
from bec_kernel.wire import Device, Fit, ScanRequest, SignalDescription

_DIGITS = 4
"""Decimal places where a signal declares none."""
_WORTH = ("center", "fwhm", "height")


def headline(request: ScanRequest, number: int | None) -> str:
    """Format the request with its number: `Scan 7 line_scan samx -5 5 --steps 21`."""
    words = summary(request)
    if request.name == "mv":
        return words
    return f"Scan {words}" if number is None else f"Scan {number} {words}"


def ending_text(state: str, reason: str, points: int) -> str:
    """Format the end of a scan: `closed, 21 points`; `aborted (user), 1 point`."""
    why = "" if reason in ("", "done") else f" ({reason})"
    return f"{state or 'pending'}{why}, {points} point{'' if points == 1 else 's'}"


def main_signal(device: Device) -> SignalDescription | None:
    """Find the main signal: of the device's name, else hinted, else the first."""
    signals = device.signals
    same = [one for one in signals if one.name == device.name]
    hinted = [one for one in signals if one.kind == "hinted"]
    return next(iter(same + hinted + signals), None)


def queue_place(value: Any, signal: SignalDescription | None) -> str:
    """Format a position with the signal's precision and unit: `1 mm`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return str(value)
    digits = signal.precision if signal else None
    rounded = round(float(value), _DIGITS if digits is None else digits)
    unit = signal.unit if signal else ""
    return f"{rounded + 0.0:.10g} {unit}".rstrip()


def duration_text(seconds: float) -> str:
    """Format a duration: `0.25 s`, `3 min 5 s`, `2 h 3 min`."""
    if seconds < 60:
        return f"{seconds:.3g} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size_text(count: float) -> str:
    """Format a number of bytes: `52 kB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def fit_words(fit: Fit | None) -> str:
    """Format a fit in one line: `Gaussian of bpm4i: center 0.54, …`; "" without one."""
    if fit is None:
        return ""
    if not fit.values:
        return f"{fit.model}: no fit: {fit.message or 'no values'}"
    names = [name for name in _WORTH if name in fit.values] or list(fit.values)
    return f"{fit.model} of {fit.y}: {', '.join(_value(fit, name) for name in names)}"


def _value(fit: Fit, name: str) -> str:
    error = fit.errors.get(name)
    more = f" ± {error:.2g}" if error is not None else ""
    return f"{name} {fit.values[name]:.4g}{more}"
