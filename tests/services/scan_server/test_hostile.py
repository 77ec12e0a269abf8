"""Whatever is asked is refused on purpose, and the next good request is served."""

import itertools
import random
import time

import msgspec
import pytest
from hypothesis import given, strategies as st

from bec_kernel.bus.changes import Put
from bec_kernel.errors import RefusedError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Device,
    DeviceValue,
    Reading,
    ScanRequest,
    Users,
    keys,
)
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.server import ScanServer
from tests.services.recorded import new_life, running, until

REQUESTS = 10_000
SECONDS = 30.0  # of a machine that does other things, too
NAN, INF = float("nan"), float("inf")
DEEP = [[[[[[[[[[1]]]]]]]]]]
LONG = "x" * 100_000
CATALOGUE = Catalogue(getattr(scans, name) for name in scans.__all__)


def device(name, **more):
    return Device(name=name, server="main", device_class="Sim", **more)


def motor(name, **more):
    limits = {"limits": (-10.0, 10.0), "readout_priority": "baseline"}
    return device(name, positioner=True, **(limits | more))


DEVICES = [
    motor("samx"),
    motor("samy"),
    motor("free", limits=None),
    motor("off", enabled=False),
    motor("fixed", read_only=True),
    device("det", software_trigger=True),
]


def _part(name, *args, **kwargs):
    return {"name": name, "args": [*args], "kwargs": kwargs}


GOOD = [
    ScanRequest(request_id="r", name=name, args=args, kwargs=kwargs)
    for name, args, kwargs in (
        ("line_scan", ["samx", 0, 1], {"steps": 3}),
        ("ascan", ["samx", 0, 1, 3, 0.1], {}),
        ("mesh", ["samx", 0, 1, 3, "samy", 0, 1, 3, 0.1], {}),
        ("grid_scan", ["samx", 0, 1, 3, "samy", 0, 1, 3], {}),
        ("list_scan", ["samx", [0, 1, 2]], {}),
        ("log_scan", ["samx", 0, 1], {"steps": 3}),
        ("fermat_scan", ["samx", 0, 1, "samy", 0, 1], {"step": 0.5}),
        ("hexagonal_scan", ["samx", 0, 1, 0.5, "samy", 0, 1, 0.5], {}),
        ("time_scan", [], {"points": 3, "interval": 1}),
        ("acquire", [], {}),
        ("loopscan", [3, 0.1], {}),
        ("multi_region_line_scan", ["samx"], {"regions": [[0, 1, 3], [2, 3, 2]]}),
        (
            "multi_region_grid_scan",
            ["samx", "samy"],
            {"regions": [[[0, 1, 3], [0, 1, 3]]]},
        ),
        ("mv", ["samx", 1], {}),
        ("multi", [_part("line_scan", "samx", 0, 1, steps=3), _part("acquire")], {}),
    )
]

NAMES = ["", "line_scam", "__class__", "line_scan\0", "../acquire", "λ", LONG]
NO_NUMBERS = [None, "1", b"1", True, NAN, INF, [1], {"a": 1}, DEEP, -11, -1e300]
NO_DEVICES = [None, 1, "", "samz", "SAMX", ["samx"], "off", "fixed", "det", LONG, DEEP]
NO_LISTS = [None, 1, "0,1", [], [1, "2"], [NAN], [11], {"a": 1}, DEEP]
NO_PARTS = [
    *NO_NUMBERS,
    *("line_scan samx 0 1 --steps 3", {"name": 1}, {"name": "multi"}, DEEP),
    *(_part("interactive", "samx"), _part("multi", _part("acquire")), _part(LONG)),
    *(_part("line_scan", "samx", 0, 11, steps=3), _part("line_scan", "det", 0, 1)),
    *(_part("acquire", fit="Gaussian"), _part("acquire", metadata={"a": 1})),
    *(_part("mv", "samx", 1, exp_time=1), {"name": "acquire", "kwargs": {1: 2}}),
    _part("acquire", burst_at_each_point=10**6),
]
NO_OPTIONS = ["stepps", "", "__init__", "λ", "steps ", LONG]
NO_REGIONS = [
    *(None, 1, "x", [], [[]], [[1, 2]], [[0, 1, 2, 3]], [[0, 1, NAN]], DEEP),
    *([[0, 1, 0]], [[0, 1, 2.5]], [[0, 1, -3]], [[0, 1, 10**15]], [[0, 11, 3]]),
    *([[[0, 1, 3], [0, 1]]], [[[0, 1, 0], [0, 1, 3]]], [[[0, 1, 3], [0, 11, 3]]]),
]
BAD = {
    "steps": [None, "3", NAN, 0, -1, 2.5, True, 10**15, 1e300, [3]],
    "points": [None, "3", 0, 2.5, 10**15],
    "interval": [None, -1, NAN, "x"],
    "step": [None, 0, -1, NAN, 1e-300, "x"],
    "regions": NO_REGIONS,
    "exp_time": [None, -1, NAN, INF, 1e300, "x", [], DEEP],
    "readout_time": [-1, "x"],
    "settling_time": [-1, NAN],
    "frames_per_trigger": [0, 1.5, "x"],
    "burst_at_each_point": [0, -1, 10**9, "x"],
    "relative": ["true", 1, None, []],
    "snaked": ["no", 0],
    "fit": ["Gauss", 3, DEEP],
    "signal": ["nobody", "off", 3],
    "wait_until": ["ring", "det above", "det above x", "nobody above 1", 3],
    "monitored": ["det", ["nobody"], [1], {"a": 1}, ["off"], [DEEP], None],
    "on_request": ["det", ["nobody"], [1], None],
    "file_suffix": ["../x", "a/b", "ä", "x" * 65, 3, None, "a b"],
    "file_directory": [
        *("/etc", "../x", "a/../b", "a//b", ".x", "a\0", "x/" * 20, "~", 3, None),
    ],
}


def poisoned(request: ScanRequest, dice: random.Random) -> ScanRequest:
    """Return a request with one thing in it that cannot be right."""
    way = dice.randrange(6)
    if way == 0:
        return replaced(request, name=dice.choice(NAMES))
    if way == 1:
        return replaced(request, queue=dice.choice(["", "a/b", "*", "a b", LONG]))
    if way == 2:
        return replaced(request, deadline=1.0)
    if way == 3:
        kwargs = request.kwargs | {dice.choice(NO_OPTIONS): dice.choice(NO_NUMBERS)}
        return replaced(request, kwargs=kwargs)
    if way == 4 and request.args:
        return replaced(request, args=with_bad_word(request.args, dice))
    return replaced(request, kwargs=with_bad_option(request, dice))


def replaced(request, **fields):
    return msgspec.structs.replace(request, **fields)


def with_bad_word(args, dice):
    place = dice.randrange(len(args))
    lists = {str: NO_DEVICES, list: NO_LISTS, dict: NO_PARTS}
    bad = dice.choice(lists.get(type(args[place]), NO_NUMBERS))
    if type(args[place]) not in lists and not place:
        bad = dice.choice([None, "3", 0, 2.5, NAN])  # points of a loopscan
    return [*args[:place], bad, *args[place + 1 :]]


def with_bad_option(request, dice):
    scan = CATALOGUE.find(request.name)
    names = [p.name for p in scan.all_options() if p.name in BAD]
    name = dice.choice(names)
    return request.kwargs | {name: dice.choice(BAD[name])}


def put_beamline(bus):
    users = Users(names=["ada"], device_servers=["main"])
    changes = [Put(keys.users(), users)]
    changes += [Put(keys.devices("main"), one, one.name) for one in DEVICES]
    for name in ("samx", "samy", "free"):
        value = DeviceValue(readings={name: Reading(0.0, 0.0)})
        changes.append(Put(keys.values("main"), value, name))
    bus.commit(changes)


@pytest.mark.slow
def test_ten_thousand_malformed_requests_leave_it_serving_the_next_good_one(tmp_path):
    dice, good = random.Random(4), itertools.cycle(GOOD)
    bus = MemoryBus(MemoryBroker())
    put_beamline(bus)
    inbox = keys.scan_asks("ada")
    for number in range(REQUESTS):
        asked = replaced(poisoned(next(good), dice), request_id=f"bad{number}")
        bus.ask(inbox, asked)
    bus.ask(inbox, replaced(GOOD[0], request_id="good"))

    def answered():
        last = bus.last(inbox.replies)
        return last is not None and last.message.request_id == "good"

    began = time.monotonic()
    life = new_life("scan_server", bus.broker, tmp_path)
    with running(life, lambda one: ScanServer(one, CATALOGUE).run()):
        until(bus, answered)
        took = time.monotonic() - began
        assert set(bus.get_all(keys.items())) == {"good"}
    replies = [entry.message for entry in bus.read(inbox.replies)]
    accepted = [one.request_id for one in replies if one.problem is None]
    assert accepted == ["good"]
    assert all(len(one.problem.message) < 1000 for one in replies if one.problem)
    # Each was refused by name: none of them was a surprise to the scan server.
    assert bus.read(keys.alarms()) == []
    assert took < SECONDS


@pytest.mark.parametrize("request_", GOOD, ids=lambda one: one.name)
def test_without_the_poison_it_is_accepted(request_):
    accept(CATALOGUE, BEAMLINE, request_, "ada", 0.0)


BEAMLINE = Beamline(
    devices={one.name: one for one in DEVICES},
    values={
        name: DeviceValue(readings={name: Reading(0.0, 0.0)})
        for name in ("samx", "samy", "free")
    },
)
SMALL = st.integers(-20, 20) | st.floats(-20, 20) | st.sampled_from([NAN, INF])
ATOMS = st.none() | st.booleans() | SMALL | st.text(max_size=3) | st.binary(max_size=3)
DEVICE_NAMES = st.sampled_from([one.name for one in DEVICES])
ANY = st.recursive(
    ATOMS | DEVICE_NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
OPTIONS = sorted({p.name for s in CATALOGUE.scans.values() for p in s.all_options()})
ALL_NAMES = sorted(
    name for s in CATALOGUE.scans.values() for name in (s.name, *s.all_aliases())
)


@pytest.mark.slow
@given(
    name=st.sampled_from(ALL_NAMES),
    args=st.lists(ANY, max_size=9),
    kwargs=st.dictionaries(st.sampled_from(OPTIONS), ANY, max_size=5),
)
def test_every_scan_is_accepted_or_refused_whatever_it_is_asked(name, args, kwargs):
    request = ScanRequest(request_id="r", name=name, args=args, kwargs=kwargs)
    try:
        accepted = accept(CATALOGUE, BEAMLINE, request, "ada", 0.0)
    except RefusedError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert set(accepted.begin.motors) <= {"samx", "samy", "free"}
