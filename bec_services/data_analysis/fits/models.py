"""Any lmfit model of one variable. The only module that imports lmfit: it is slow."""

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from lmfit.models import ConstantModel, lmfit_models

from bec_kernel.language import closest
from bec_kernel.wire import Fit
from bec_services.data_analysis.fits.schedule import Task

Array = npt.NDArray[np.float64]

CURVE = 101
"""Points of the curve that is drawn."""
_BACKGROUND = "background_"
_NOT_OF_ONE_VARIABLE = {"Expression", "Gaussian-2D", "Complex Constant", "Spline"}
_EVALUATIONS = 2000  # a fit that goes nowhere ends


def names() -> list[str]:
    """Return the models one may ask for."""
    return [name for name in lmfit_models if name not in _NOT_OF_ONE_VARIABLE]


def _plain(name: str) -> str:
    name = "".join(c for c in name.lower() if c.isalnum())
    return name.removesuffix("model")


def fit(task: Task) -> Fit:
    """Do one fit. The same points give the same numbers.

    A fit that fails or has an unknown model gives a result whose `message` says so.
    """
    known = {_plain(name): name for name in names()}
    name = known.get(_plain(task.model), "")
    if task.problem:
        return _failed(task, task.problem)
    if not name:
        near = closest(_plain(task.model), known) or known
        listed = ", ".join(known[one] for one in near)
        return _failed(task, f"no model {task.model!r}; there is {listed}")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _fit(task, name)
    except Exception as error:  # noqa: BLE001 - lmfit raises anything; the result says it
        return _failed(task, f"{name} could not be fitted: {error}")


def _failed(task: Task, message: str) -> Fit:
    return Fit(
        points=task.points,
        model=task.model,
        x=task.x_name,
        y=task.y_name,
        final=task.final,
        message=message,
    )


def _fit(task: Task, name: str) -> Fit:
    x, y = np.array(task.x), np.array(task.y)
    model, parameters = _model(name, x, y)
    needed = sum(one.vary for one in parameters.values())
    if len(x) < needed:
        return _failed(task, f"{name} needs {needed} points, there are {len(x)}")
    result = model.fit(y, parameters, x=x, max_nfev=_EVALUATIONS)
    values = {_shown(p.name): float(p.value) for p in result.params.values()}
    errors = {
        _shown(p.name): float(p.stderr)
        for p in result.params.values()
        if p.stderr is not None and math.isfinite(p.stderr)
    }
    if not all(math.isfinite(value) for value in values.values()):
        return _failed(task, f"{name} could not be fitted: it has no finite solution")
    line = np.linspace(x.min(), x.max(), CURVE)
    curve = np.broadcast_to(np.asarray(result.eval(x=line), float), line.shape)
    return Fit(
        points=task.points,
        model=name,
        x=task.x_name,
        y=task.y_name,
        values=values,
        errors=errors,
        curve=[line.tolist(), curve.tolist()],
        final=task.final,
        message="" if result.success else f"{name}: {result.message}",
    )


def _shown(name: str) -> str:
    return "background" if name == f"{_BACKGROUND}c" else name


def _model(name: str, x: Array, y: Array) -> tuple[Any, Any]:
    """Return the model and where its fit begins; a peak stands on a background."""
    kind = lmfit_models[name]
    model = kind(degree=2) if name == "Polynomial" else kind()
    if not {"center", "amplitude"} <= set(model.param_names) or name in _STEPS:
        return model, _guess(model, x, y)
    # A peak that points down stands on the highest value.
    down = np.median(y) - y.min() > y.max() - np.median(y)
    level = float(y.max() if down else y.min())
    parameters = model.guess(y - level, x=x, negative=bool(down))
    background = ConstantModel(prefix=_BACKGROUND)
    parameters.update(background.make_params(c=level))
    return model + background, parameters


_STEPS = {"Step", "Rectangle", "Thermal Distribution"}


def _guess(model: Any, x: Array, y: Array) -> Any:
    try:
        return model.guess(y, x=x)
    except NotImplementedError:
        return model.make_params()
