"""lmfit's models beyond our own few: imported when the first device asks for one."""

import math
from collections.abc import Callable
from typing import Any

from lmfit.models import lmfit_models

Function = Callable[[Any, dict[str, Any]], Any]

_BY_CLASS = {kind.__name__: kind for kind in lmfit_models.values()}
_NOT_OF_ONE_NUMBER = {
    "ExpressionModel",
    "Gaussian2dModel",
    "ComplexConstantModel",
    "PolynomialModel",
    "SplineModel",
}


def names() -> list[str]:
    """Return the models of one variable, by the name of their class."""
    return sorted(set(_BY_CLASS) - _NOT_OF_ONE_NUMBER)


def find(name: str) -> tuple[Function, dict[str, Any]] | None:
    """Return a model's function of (x, parameters), and its first parameters."""
    if name not in names():
        return None
    model = _BY_CLASS[name]()
    first = {
        parameter.name: parameter.value if math.isfinite(parameter.value) else 1.0
        for parameter in model.make_params().values()
        if parameter.expr is None
    }
    return lambda x, params: model.eval(x=x, **params), first
