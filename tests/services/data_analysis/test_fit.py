"""Fits: the numbers are right, and a fit that fails says so."""

import numpy as np
import pytest

from bec_kernel.bus.changes import Id
from bec_services.data_analysis.fits.models import CURVE, fit
from bec_services.data_analysis.fits.schedule import Task

X = np.linspace(-5, 5, 41)


def gauss(height, center, sigma, background):
    return background + height * np.exp(-(((X - center) / sigma) ** 2) / 2)


def task(y, model="Gaussian", x=X):
    y = np.asarray(y, float)
    return Task(Id(len(y)), model, list(x), list(y), len(y), False, "samx", "bpm4i")


@pytest.mark.parametrize("height", [100.0, -40.0])
def test_a_peak_is_found_on_its_background(height):
    made = fit(task(gauss(height, 0.7, 1.2, 50.0)))
    assert made.message == ""
    assert made.values["center"] == pytest.approx(0.7, abs=1e-4)
    assert made.values["sigma"] == pytest.approx(1.2, abs=1e-4)
    assert made.values["fwhm"] == pytest.approx(1.2 * 2.3548, abs=1e-3)
    assert made.values["height"] == pytest.approx(height, abs=1e-3)
    assert made.values["background"] == pytest.approx(50.0, abs=1e-3)
    assert {"amplitude"} <= set(made.values)


def test_the_curve_can_be_drawn_over_the_points():
    made = fit(task(gauss(10, 0, 1, 0)))
    x, y = np.array(made.curve)
    assert x.shape == (CURVE,)
    assert (x[0], x[-1]) == (-5, 5)
    assert y.max() == pytest.approx(10, abs=1e-3)


@pytest.mark.parametrize("name", ["Gaussian", "gaussian", "GaussianModel"])
def test_a_model_is_known_by_its_names(name):
    assert fit(task(gauss(10, 0, 1, 0), name)).model == "Gaussian"


@pytest.mark.parametrize(
    "name", ["Lorentzian", "Voigt", "PseudoVoigt", "Step", "Rectangle", "Sine"]
)
def test_other_models_are_fitted_too(name):
    made = fit(task(gauss(10, 0, 1, 3), name))
    assert made.values or made.message


def test_a_line_has_no_background_of_its_own():
    made = fit(task(3 * X + 1, "Linear"))
    assert made.values == pytest.approx({"slope": 3.0, "intercept": 1.0})


def test_the_same_points_give_the_same_numbers():
    noise = np.random.default_rng(1).normal(size=X.size)
    one = task(gauss(10, 0.3, 1, 3) + noise)
    assert fit(one) == fit(one)


def test_an_unknown_model_is_answered_with_its_neighbours():
    made = fit(task(X, "Gausian"))
    assert "no model 'Gausian'" in made.message
    assert "Gaussian" in made.message
    assert made.values == {}


def test_too_few_points_are_said_to_be_too_few():
    assert "needs 4 points" in fit(task([1.0, 2.0], x=X[:2])).message


@pytest.mark.parametrize("y", [np.zeros(41), np.full(41, 1e300)])
def test_points_without_a_peak_end_no_service(y):
    made = fit(task(y))
    assert made.values or made.message
