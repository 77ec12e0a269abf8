"""The scan server is killed in each kind of scan, a pause, an abort, a site's hook."""

import itertools
import os
import random
import signal
import threading
import time

import h5py
import msgspec
import pytest

from bec_kernel.bus.changes import START
from bec_kernel.client import connect
from bec_kernel.wire import Mark, ScanState, Step, StepKind, Verb, keys
from tests.system.beamline import Instance, _exposed_twice, _other_file
from tests.system.site import installed
from tests.waiting import until

SEED = 80
MOMENTS = 3
DIGITS = 5
"""A time of a clock that counts s since 1970 is good for no more."""
PACE = 6.5
"""One kill in so long (s) an instance: more, and the launcher gives it up."""

DEVICES = """\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {velocity: 2, acceleration: 4, limits: [-50, 50]}
  readoutPriority: baseline
samy:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {velocity: 1, limits: [-50, 50]}
  readoutPriority: baseline
shutter:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {delay: 0, limits: [0, 1]}
  readoutPriority: on_request
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig:
    model: GaussianModel
    ref_motor: samx
    params: {height: 1000, center: 0.5, sigma: 1.5}
    noise: none
  readoutPriority: monitored
  softwareTrigger: true
flyer:
  deviceClass: bec_sim.SimFlyer
  readoutPriority: on_request
"""
SCANS = {
    "acquire": "--burst-at-each-point 40",
    "adaptive_scan": "samx -5 5 --ask peak_finder",
    "cont_line_scan": "samx -4 4 --steps 33 --offset 0.5 --relative",
    "fermat_scan": "samx -2 2 samy -2 2 --step 0.7",
    "fly_scan": "-5 0 51 1 5 41 6 7 11 8 9 11 --flyer flyer",
    "grid_scan": "samx -1 1 7 samy -1 1 6",
    "hexagonal_scan": "samx -1 1 0.4 samy -1 1 0.4",
    "interactive": "samx samy",
    "line_sweep_scan": "samx -2 2 --min-update 0.05",
    "list_scan": f"samx [{','.join(str(n % 7) for n in range(40))}] --relative",
    "log_scan": "samx 0 10 --steps 40",
    "multi": '"line_scan samx -1 1 --steps 9 --relative" "mv samy 2"'
    ' "time_scan --points 9 --interval 2" "adaptive_scan samx -5 5 --ask peak_finder"'
    ' "grid_scan samx 0 1 4 samy -1 1 3 --relative"',
    "multi_region_grid_scan": "samx samy"
    " --regions [[[0,1,5],[0,1,4]],[[2,3,4],[0,1,4]]]",
    "multi_region_line_scan": "samx --regions [[0,1,15],[2,3,25]] --relative",
    "round_roi_scan": "samx -1 1 samy -1 1 --shell-spacing 0.4 --pos-in-first-ring 4",
    "round_scan": "samx samy --inner-radius 0 --outer-radius 1"
    " --number-of-rings 4 --pos-in-first-ring 4",
    "there_and_back": "samx -1 1 --steps 20 --relative",
    "time_scan": "--points 40 --interval 2",
}
ELSEWHERE = {"line_scan", "mv"}
"""Killed at every step in `test_scan_server.py`; no scan."""
NO_POINTS = {"fly_scan"}


class Lab(Instance):
    """An instance with a site's package, its analysis, and who kills its scan server.

    Attributes:
        due: when it may be killed again, monotonic, s.
    """

    def __init__(self, data, path):
        data.mkdir(parents=True)
        super().__init__(data, "--virtual", devices=DEVICES)
        own = {"BEC_NAME": "peak_finder", "PYTHONPATH": path}
        words = ("-m", "example_beamline.peak_finder")
        self.finder = self.beside("data_analysis", *words, **own)
        alive = keys.heartbeats["data_analysis"]("peak_finder")
        until(lambda: self.client.bus.get(alive))
        self.eye = connect(data)
        self.due = 0.0
        self.run("acquire")  # all that is loaded with a first scan is loaded

    @property
    def server(self):
        return self.process_of("scan_server")["pid"]

    def run(self, name, disturb=None):
        """Run a scan; `disturb` is told its report, in a thread of its own.

        Returns:
            Its report, and the points that were seen.
        """
        self.client.mv("samx", 0, "samy", 0)
        line = f"{name} {SCANS[name]} --exp-time 0.1"
        scan = None
        if name == "interactive":
            scan = self.client.scans.interactive("samx", "samy", exp_time=0.1)
            report = scan.report
        else:
            report = self.client.run(line)
        other = threading.Thread(target=disturb or (lambda _: None), args=[report])
        other.start()
        if scan is not None:
            drive(scan)
        until(lambda: report.is_final, 60)
        seen = list(report.points(timeout=30))
        until(lambda: report.file is not None, 30)
        other.join(60)
        return report, seen

    def after(self, report, is_it):
        """Return as soon as such an entry stands in the step log of a scan."""
        bus, at = self.eye.bus, {keys.steps(report.scan_id): START}
        while True:
            for log, entries in bus.follow(at, 30.0):
                at[log] = entries[-1].id
                if any(is_it(entry.message) for entry in entries):
                    return

    def kill(self, report, is_it=None):
        """Kill the scan server, when there is such a step; return its newest one."""
        pid = self.server
        self.due = time.monotonic() + PACE
        if is_it is not None:
            self.after(report, is_it)
        os.kill(pid, signal.SIGKILL)
        last = self.eye.bus.last(keys.steps(report.scan_id)).id.index
        until(lambda: self.server not in (pid, None), 20)
        return last

    def close(self):
        self.finder.terminate()
        self.finder.wait(15)
        self.eye.close()
        super().close()


def rested(labs):
    """Return the instance whose turn it is, as soon as it may be killed again."""
    lab = next(labs)
    threading.Event().wait(max(0.0, lab.due - time.monotonic()))
    return lab


def drive(scan):
    with scan:
        for number in range(20):
            scan.point(samx=number / 10)
            scan.move(samy=number / 10)


@pytest.fixture(scope="module")
def labs(tmp_path_factory, runtime):
    folder = tmp_path_factory.mktemp("every")
    with pytest.MonkeyPatch.context() as patch:
        path = installed(folder)
        patch.setenv("PYTHONPATH", path)
        both = [Lab(folder / name / "data", path) for name in ("one", "two")]
    yield itertools.cycle(both)
    for one in both:
        one.close()


# --- what must be the same ------------------------------------------------------------
def record(lab, report, seen):
    """Return all that is written of a scan, wall clock and counters aside."""
    return {
        "state": report.status,
        "steps": list(told(lab.steps(report.scan_id))),
        "points": [(point.point_id, values(point)) for point in seen],
        "file": content(report.file),
    }


def told(entries):
    """What was decided; the same thing twice in a row was only tried again."""
    last = None
    for entry in entries:
        if isinstance(entry, Step):
            until_ = rounded(msgspec.to_builtins(entry.request.until))
            request = entry.request
            places, at = rounded(request.set), rounded(request.at)
            what = (request.kind, request.point_id, places, at, until_)
        elif isinstance(entry, Mark):
            what = (entry.verb, rounded(entry.value))
        else:
            continue
        if what != last:
            yield what
        last = what


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value


def values(point):
    return {
        name: rounded(reading.value)
        for readings in point.data.values()
        for name, reading in readings.items()
        if not name.endswith("_exposures")
    }


def content(path):
    found = {}

    def visit(name, one):
        is_value = name.endswith("/value") and "_exposures/" not in name
        if isinstance(one, h5py.Dataset) and is_value:
            found[name] = (
                one[...].round(DIGITS).tolist() if one.dtype.kind == "f" else one.shape
            )

    with h5py.File(path) as file:
        file["entry/collection/devices"].visititems(visit)
    return found


def differences(lab, name, report, seen, wanted):
    """Return in what a scan and its record are not as they would have been."""
    found = record(lab, report, seen)
    wrong = [f"other {what}" for what in wanted if found[what] != wanted[what]]
    if name not in NO_POINTS:
        wrong += _exposed_twice(seen) + _other_file(report, seen)
    return wrong


# --- the campaigns --------------------------------------------------------------------
def killed(labs, name, share):
    """Kill the scan server so far in a scan, 0 to 1; return where, and what differs."""
    lab = rested(labs)
    report, seen = lab.run(name)
    wanted, length = record(lab, report, seen), lab.steps(report.scan_id)[-1].index
    index, died = 1 + int(share * (length - 1)), []

    def disturb(one):
        died.append(lab.kill(one, lambda entry: getattr(entry, "index", 0) >= index))

    again, points = lab.run(name, disturb)
    where = f"{index}, died at {died[0]} of {length}"
    return where, differences(lab, name, again, points, wanted)


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCANS)
def test_a_scan_server_killed_at_random_moments_of_a_scan_leaves_the_same(
    labs, show, name
):
    dice, row, bad = random.Random(f"{SEED} {name}"), [], {}
    for moment in range(MOMENTS):
        where, wrong = killed(labs, name, (moment + dice.random()) / MOMENTS)
        row.append(f"{where}: {'different' if wrong else 'equal'}")
        if wrong:
            bad[where] = wrong
    show(f"SIGKILL of scan_server in {name:22} at step {' | '.join(row)}")
    assert bad == {}


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_no_kind_of_scan_is_left_out(labs):
    assert {*SCANS} | ELSEWHERE == {*next(labs).client.scans.catalogue()}


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["grid_scan", "multi"])
def test_a_scan_server_killed_in_a_pause_leaves_the_same(labs, show, name):
    lab = rested(labs)
    wanted = record(lab, *lab.run(name))

    def disturb(report):
        lab.after(
            report,
            lambda entry: isinstance(entry, Step) and entry.request.point_id == 5,
        )
        report.pause()
        until(lambda: report.status is ScanState.PAUSED)
        lab.kill(report)
        assert report.status is ScanState.PAUSED
        report.resume()

    report, seen = lab.run(name, disturb)
    wanted["steps"] = None  # what was withdrawn is there once more
    wrong = differences(lab, name, report, seen, wanted)
    wrong.remove("other steps")
    show(f"SIGKILL of scan_server in a pause of {name:9} {wrong or 'equal'}")
    assert wrong == []


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["there_and_back", "multi"])
def test_a_scan_server_killed_while_an_abort_cleans_up_leaves_it_clean(
    labs, show, name
):
    lab = rested(labs)
    wanted = record(lab, *lab.run(name))

    def disturb(report):
        until(lambda: lab.eye.bus.last(keys.points(report.scan_id)))
        report.abort()
        lab.kill(report, lambda entry: getattr(entry, "verb", "") == Verb.ABORT)

    report, seen = lab.run(name, disturb)
    kinds = [one[0] for one in told(lab.steps(report.scan_id))]
    begun, clean = kinds[: kinds.index(Verb.ABORT)], kinds[kinds.index(Verb.ABORT) :]
    # The way back, the shutter, and what is always done, each of them once. The first
    # move is the shutter's, the second a part's way back: was it done, or withdrawn?
    moves = {1: [2], 2: [1, 2]}.get(begun.count(StepKind.MOVE), [1])
    assert clean in [
        [Verb.ABORT, *[StepKind.MOVE] * n, StepKind.UNSTAGE, StepKind.CLOSE]
        for n in moves
    ]
    assert report.status is ScanState.ABORTED
    points = [(point.point_id, values(point)) for point in seen]
    wrong = [] if points == wanted["points"][: len(points)] else ["other points"]
    wrong += _exposed_twice(seen) + _other_file(report, seen)
    show(f"SIGKILL of scan_server in an abort of {name:15} {wrong or 'equal'}")
    assert wrong == []


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [1.0, 0.0], ids=["opens", "closes"])
def test_a_scan_server_killed_while_a_sites_hook_acts_leaves_the_same(
    labs, show, place
):
    lab, name = rested(labs), "grid_scan"
    wanted = record(lab, *lab.run(name))

    def disturb(report):
        lab.kill(report, lambda e: getattr(e, "set", {}) == {"shutter": place})

    report, seen = lab.run(name, disturb)
    wrong = differences(lab, name, report, seen, wanted)
    show(f"SIGKILL of scan_server as a shutter goes to {place:g} {wrong or 'equal'}")
    assert wrong == []
