"""Shapes of simulated signals, by the names and formulas lmfit gives them.

lmfit itself is asked only for models that are not here: it takes seconds to import,
and a beamline has to start fast.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bec_sim.devices.checked import number

Params = dict[str, Any]
"""A model's parameters by name: numbers, or words such as a step's form."""

_ROOT_2PI = math.sqrt(2 * math.pi)
_ROOT_2LN2 = math.sqrt(2 * math.log(2))


def _amplitude(p: Params, height_of_unit: float) -> float:
    """`amplitude`, or what gives the peak the asked `height`."""
    height = p["height"]
    return float(p["amplitude"] if height is None else height / height_of_unit)


def _gauss(x: Any, center: float, sigma: float) -> Any:
    return np.exp(-(((x - center) / sigma) ** 2) / 2) / (_ROOT_2PI * sigma)


def _lorentz(x: Any, center: float, sigma: float) -> Any:
    return sigma / (math.pi * ((x - center) ** 2 + sigma**2))


def _pseudo_voigt_shape(x: Any, p: Params) -> Any:
    center, sigma, fraction = p["center"], p["sigma"], p["fraction"]
    gauss = _gauss(x, center, sigma / _ROOT_2LN2)
    return (1 - fraction) * gauss + fraction * _lorentz(x, center, sigma)


def _gaussian(x: Any, p: Params) -> Any:
    peak = _amplitude(p, 1 / (_ROOT_2PI * p["sigma"]))
    return peak * _gauss(x, p["center"], p["sigma"])


def _lorentzian(x: Any, p: Params) -> Any:
    peak = _amplitude(p, 1 / (math.pi * p["sigma"]))
    return peak * _lorentz(x, p["center"], p["sigma"])


def _pseudo_voigt(x: Any, p: Params) -> Any:
    peak = _amplitude(p, float(_pseudo_voigt_shape(p["center"], p)))
    return peak * _pseudo_voigt_shape(x, p)


def _constant(x: Any, p: Params) -> Any:
    return p["c"] + 0.0 * x


def _linear(x: Any, p: Params) -> Any:
    return p["slope"] * x + p["intercept"]


_STEPS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda t: np.clip(t, 0, 1),
    "atan": lambda t: 0.5 + np.arctan(t) / math.pi,
    "logistic": lambda t: 1 - 1 / (1 + np.exp(np.clip(t, -700, 700))),
    "erf": lambda t: 0.5 * (1 + np.vectorize(math.erf)(t)),
}


def _step(x: Any, p: Params) -> Any:
    form = _STEPS.get(p["form"])
    if form is None:
        raise ValueError(f"StepModel has no form {p['form']!r}: {', '.join(_STEPS)}")
    return p["amplitude"] * form((x - p["center"]) / p["sigma"])


_PEAK: Params = {"amplitude": 100.0, "center": 0.0, "sigma": 1.0, "height": None}

MODELS: dict[str, tuple[Callable[[Any, Params], Any], Params]] = {
    "GaussianModel": (_gaussian, _PEAK),
    "LorentzianModel": (_lorentzian, _PEAK),
    "PseudoVoigtModel": (_pseudo_voigt, {**_PEAK, "fraction": 0.5}),
    "ConstantModel": (_constant, {"c": 100.0}),
    "LinearModel": (_linear, {"slope": 1.0, "intercept": 0.0}),
    "StepModel": (
        _step,
        {"amplitude": 100.0, "center": 0.0, "sigma": 1.0, "form": "linear"},
    ),
}
"""Each model's function of (x, parameters) and what its parameters are at first."""


def _of_lmfit(name: str) -> tuple[Callable[[Any, Params], Any], Params] | None:
    from bec_sim.devices.detectors import lmfit_models

    return lmfit_models.find(name)


def all_names() -> list[str]:
    """Return our own models, and lmfit's; the first call takes seconds."""
    from bec_sim.devices.detectors import lmfit_models

    return [*MODELS, *(name for name in lmfit_models.names() if name not in MODELS)]


class SignalModel:
    """A model chosen by name, with parameters that can be changed while it is used.

    Args:
        name: One of `MODELS`, or any of lmfit's models of one variable.
        params: What differs from the model's own defaults. Peaks take `amplitude`
            (their area, as lmfit) or `height`.
        dimensions: of where it is looked at; with several, `center` may be a list.

    Raises:
        ValueError: no such model, parameter, or width.
    """

    def __init__(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        dimensions: int = 1,
    ) -> None:
        self._dimensions = dimensions
        self.select(name)
        self.update(params or {})

    def select(self, name: str) -> None:
        """Take the model called `name`, with its default parameters."""
        found = MODELS.get(name) or _of_lmfit(name)
        if found is None:
            raise ValueError(f"no model {name!r}: there is {', '.join(all_names())}")
        self.name = name
        self._function, defaults = found
        self.params: Params = dict(defaults)

    def update(self, params: Mapping[str, Any]) -> None:
        """Change some parameters; all of them or, after an error, none."""
        unknown = sorted(set(params) - set(self.params))
        if unknown:
            raise ValueError(
                f"{self.name} has no {unknown[0]!r}: it has {', '.join(self.params)}"
            )
        changed = {name: self._checked(name, value) for name, value in params.items()}
        if not changed.get("sigma", 1.0) > 0:
            raise ValueError(f"{self.name}: sigma is {params['sigma']}, must be > 0")
        if "amplitude" in changed and "height" in self.params:
            changed.setdefault("height", None)
        # One assignment: a concurrent computation sees the old set or the new one.
        self.params = {**self.params, **changed}

    def _checked(self, name: str, value: Any) -> Any:
        what = f"{self.name}: {name}"
        if name == "form":
            if not isinstance(value, str) or value not in _STEPS:
                forms = ", ".join(_STEPS)
                raise ValueError(f"{what} is {value!r:.60}, must be one of {forms}")
            return value
        if name == "height" and value is None:
            return value
        if name == "center" and isinstance(value, Sequence) and self._dimensions > 1:
            if len(value) != self._dimensions:
                count = self._dimensions
                raise ValueError(f"{what} is {value!r:.60}, must be {count} numbers")
            return [number(what, one) for one in value]
        return number(what, value)

    def __call__(self, x: Any) -> Any:
        """The model at `x`, a number or an array."""
        return self._function(x, self.params)

    def at(self, x: Any, params: Params) -> Any:
        """The model at `x` with other parameters than its own."""
        return self._function(x, params)
