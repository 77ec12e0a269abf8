"""Paths over a plane, against numbers worked out independently."""

import math

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue, bind

DEVICES = {
    name: Device(name=name, server="main", device_class="x", positioner=True)
    for name in ("x", "y")
}
CATALOGUE = Catalogue(getattr(scans, name) for name in scans.__all__)


def path(name, *args, **options):
    scan = CATALOGUE.find(name)
    request = ScanRequest(request_id="r", name=name, args=[*args], kwargs=options)
    bound = bind(scan, request, DEVICES)
    points = list(scan.positions(bound))
    assert scan.shape(bound)[0] == len(points)
    return np.array([[point[motor] for motor in bound.motors] for point in points])


def test_a_log_scan_spaces_its_way_over_one_decade():
    got = path("log_scan", "x", -1.0, 8.0, steps=4)[:, 0]
    assert np.allclose(got, [-1.0, -1 + 2.1544347 - 1, -1 + 4.6415888 - 1, 8.0])


def test_a_fermat_scan_fills_the_rectangle_evenly_from_its_middle():
    got = path("fermat_scan", "x", 0.0, 2.0, "y", -1.0, 1.0, step=0.1)
    assert np.allclose(got[0], [1.0, 0.0])
    inside = (np.abs(got[:, 0] - 1) <= 1) & (np.abs(got[:, 1]) <= 1)
    assert inside.all()
    # One point for each step squared; 4 / 0.01 = 400.
    assert 390 <= len(got) <= 410
    i = 7
    angle, radius = 2 * math.pi * (1 + 5**0.5) / 2 * i, 0.1 * math.sqrt(i / math.pi)
    there = [1 + radius * math.cos(angle), radius * math.sin(angle)]
    assert np.allclose(got[i], there)


@pytest.mark.parametrize("spiral_type", [0.25, 1.0, 2.0])
def test_the_type_of_a_spiral_turns_each_point_by_so_many_half_turns_more(spiral_type):
    words = ("fermat_scan", "x", -1.0, 1.0, "y", -1.0, 1.0)
    plain = path(*words, step=0.3)
    turned = path(*words, step=0.3, spiral_type=spiral_type)
    i = 3  # the first ones are inside, however they are turned
    angle = i * spiral_type * math.pi
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = plain[i]
    assert np.allclose(turned[i], [x * cos - y * sin, x * sin + y * cos])


@pytest.mark.parametrize("kind", ["corridor", "shell", "nearest"])
@pytest.mark.parametrize("name", ["fermat_scan", "round_scan", "round_roi_scan"])
def test_the_same_points_in_an_order_with_a_shorter_way(name, kind):
    words, options = {
        "fermat_scan": (("x", -1.0, 1.0, "y", -1.0, 1.0), {"step": 0.15}),
        "round_scan": (
            ("x", "y"),
            {
                "inner_radius": 0.0,
                "outer_radius": 1.0,
                "number_of_rings": 5,
                "pos_in_first_ring": 5,
            },
        ),
        "round_roi_scan": (
            ("x", -1.0, 1.0, "y", -0.5, 0.5),
            {"shell_spacing": 0.2, "pos_in_first_ring": 5},
        ),
    }[name]
    plain = path(name, *words, **options)
    found = path(name, *words, **options, optim_trajectory=kind)
    assert sorted(map(tuple, found)) == sorted(map(tuple, plain))
    before, after = (np.hypot(*np.diff(p, axis=0).T).sum() for p in (plain, found))
    assert after <= before
    if name == "fermat_scan":
        assert after < before / 3


def test_too_many_points_are_not_put_into_order():
    words = ("fermat_scan", "x", -1.0, 1.0, "y", -1.0, 1.0)
    with pytest.raises(RefusedError, match="at most 20000 points"):
        path(*words, step=0.01, optim_trajectory="nearest")


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("fermat_scan", ("x", 0.0, 9.0, "y", 0.0, 0.0), {"step": 1e-7}),
        (
            "round_roi_scan",
            ("x", 0.0, 9.0, "y", 0.0, 0.0),
            {"shell_spacing": 1e-9, "pos_in_first_ring": 1},
        ),
        ("hexagonal_scan", ("x", 0.0, 9.0, 1e-9, "y", 0.0, 0.0, 1.0), {}),
    ],
)
def test_a_path_that_leaves_out_nearly_all_its_points_is_refused_at_once(
    name, args, options
):
    with pytest.raises(RefusedError, match="more than 1000000 points"):
        path(name, *args, **options)


def test_a_round_scan_has_k_times_the_points_on_ring_k():
    got = path(
        "round_scan",
        "x",
        "y",
        inner_radius=1.0,
        outer_radius=3.0,
        number_of_rings=2,
        pos_in_first_ring=3,
        center_1=10.0,
    )
    radii = np.hypot(got[:, 0] - 10, got[:, 1])
    assert np.allclose(radii, [2.0] * 3 + [3.0] * 6)
    assert np.allclose(got[0], [12.0, 0.0])
    assert np.allclose(got[1], [10 - 1.0, 2 * math.sqrt(3) / 2])


def test_a_round_roi_scan_keeps_to_the_rectangle_and_misses_no_ring_in_it():
    got = path(
        "round_roi_scan",
        "x",
        -2.0,
        2.0,
        "y",
        -1.0,
        1.0,
        shell_spacing=0.5,
        pos_in_first_ring=4,
    )
    assert (np.abs(got[:, 0]) <= 2).all()
    assert (np.abs(got[:, 1]) <= 1).all()
    whole = sum(4 * k for k in (1, 2))  # these two rings are inside as a whole
    radii = np.hypot(got[:, 0], got[:, 1])
    assert (radii <= 1.0 + 1e-9).sum() == whole
    assert radii.max() == pytest.approx(2.0)


def test_a_hexagonal_scan_has_six_equally_near_neighbours():
    step = math.sqrt(3) / 2
    got = path("hexagonal_scan", "x", 0.0, 4.0, 1.0, "y", 0.0, 4 * step, step)
    assert len(got) == 5 + 4 + 5 + 4 + 5
    middle = got[np.argmin(np.hypot(got[:, 0] - 2, got[:, 1] - 2 * step))]
    away = np.sort(np.hypot(*(got - middle).T))[1:7]
    assert np.allclose(away, 1.0)
    assert got[4][0] > got[3][0]
    assert got[5][0] > got[6][0]  # the second line runs back


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("fermat_scan", ("x", 0.0, 1.0, "y", 0.0, 1.0), {"step": 0.0}),
        (
            "round_scan",
            ("x", "y"),
            {
                "inner_radius": 2.0,
                "outer_radius": 1.0,
                "number_of_rings": 2,
                "pos_in_first_ring": 3,
            },
        ),
        ("hexagonal_scan", ("x", 0.0, 1.0, 0.0, "y", 0.0, 1.0, 1.0), {}),
    ],
)
def test_a_path_that_cannot_be_is_refused(name, args, options):
    with pytest.raises(RefusedError):
        path(name, *args, **options)
