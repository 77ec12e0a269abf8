"""The estimate of every scan, against its duration on the virtual clock."""

import os
import signal

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.testing.globalipapp import get_ipython

from bec_kernel.bus.changes import START
from bec_kernel.cli import scan
from bec_kernel.client import connect
from bec_kernel.wire import ItemState, keys
from bec_magics import load_ipython_extension, unload_ipython_extension
from tests.system.beamline import Instance
from tests.waiting import until

DEVICES = """\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {velocity: 2, acceleration: 4, limits: [-50, 50]}
  readoutPriority: baseline
samy:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {velocity: 1, settle_time: 0.1, limits: [-50, 50]}
  readoutPriority: baseline
mono:
  deviceClass: bec_sim.SimMonochromator
  readoutPriority: on_request
energy:
  deviceClass: bec_services.device_server.hardware.axes.PseudoAxis
  deviceConfig: {device: mono, axis: energy}
  readoutPriority: on_request
  needs: [mono]
temp:
  deviceClass: bec_sim.SimTemperature
  deviceConfig: {time_constant: 20, limits: [0, 500]}
  readoutPriority: on_request
bpm4i:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {ref_motor: samx, exposure_time: 0.2}
  readoutPriority: monitored
  softwareTrigger: true
flyer:
  deviceClass: bec_sim.SimFlyer
  readoutPriority: on_request
ring:
  deviceClass: bec_sim.SimRing
  readoutPriority: on_request
"""
OPEN_ENDED = ("adaptive_scan", "interactive", "line_sweep_scan")  # who knows?
MORE = (
    "line_scan samx -1 1 samy -2 2 --steps 9 --relative --settling-time 0.3",
    "line_scan energy 8 12 --steps 5 --exp-time 0.1",
    "line_scan temp 293 320 --steps 4 --exp-time 0.1",
    "time_scan --points 5 --interval 2 --exp-time 0.5 --burst-at-each-point 2",
    "line_scan samx 0 5 --steps 11",  # the detector keeps the exposure it had last
    "mv samx 20 samy -1",
    'multi "acquire" "mv samx 3" "line_scan samx -1 1 --steps 3 --relative"'
    ' "time_scan --points 3 --interval 2" --exp-time 0.1',
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimates") / "data"
    instance = Instance(folder, "--virtual", devices=DEVICES)
    yield instance
    instance.close()


class Stopwatch:
    """The virtual clock, which stands while nothing runs."""

    def __init__(self, client) -> None:
        self.client = client
        self.last = 0.0

    def took(self, report) -> float:
        """Return how long a scan or move took, s."""
        found = self.client.bus.read(keys.states(report.scan_id), START)
        begin = found[0].message.time if len(found) > 1 else self.last
        self.last = found[-1].message.time
        return self.last - begin


def test_the_estimate_of_every_scan_is_within_a_tenth_of_its_duration(lab):
    client, wrong = lab.client, []
    watch = Stopwatch(client)
    watch.took(client.run("acquire").wait(30))
    catalogue = client.scans.catalogue().values()
    examples = [one.example for one in catalogue if one.name not in OPEN_ENDED]
    for line in (*examples, *MORE):
        told = next(iter(client.scans.dry_run(line)))
        report = client.run(line).wait(30)
        took = watch.took(report)
        if took != pytest.approx(told.duration, rel=0.1):
            wrong.append(f"{line}: {told.duration:.2f} s, took {took:.2f} s")
        if told.points and report.file is None:
            wrong.append(f"{line}: no file")
        points = len(list(report.points(30))) if told.points else 0
        if points != told.points:
            wrong.append(f"{line}: {told.points} points, there were {points}")
        if told.points and not told.told.low - 1e-6 <= took <= told.told.high + 1e-6:
            wrong.append(f"{line}: not within its spread")
    assert not wrong


def test_an_item_knows_how_long_it_will_take(lab):
    client = lab.client
    report = client.run("line_scan samx -1 1 --steps 5 --exp-time 0.1").wait(30)
    ended = [entry.message for entry in client.bus.read(keys.items_done(), START)]
    item = next(one for one in ended if one.scan_id == report.scan_id)
    assert item.state is ItemState.COMPLETED
    assert item.points == 5
    assert item.estimate == pytest.approx(Stopwatch(client).took(report), rel=0.1)


def test_what_was_learned_outlives_the_scan_server(lab):
    client = lab.client
    newest = client.history[-1].scan_number

    def learned():
        (known,) = client.bus.get_all(keys.learned()).values()
        return known if known.last == newest else None

    known = until(learned)  # it is learned behind the scan's end
    assert known.devices == ["bpm4i"]
    os.kill(lab.process_of("scan_server")["pid"], signal.SIGKILL)
    told = client.scans.acquire.dry_run()
    assert told.duration == pytest.approx(known.free)
    assert not told.told.notes


def test_a_dry_run_changes_nothing(lab):
    client = lab.client
    before = client.history[-1].scan_number, client.dev.samx.position
    block = client.scans.dry_run(
        "mv samx 3", "line_scan samx -1 1 --steps 3 --relative"
    )
    assert block[1].told.axes["samx"].path == [2.0, 3.0, 4.0, 3.0]
    assert (client.history[-1].scan_number, client.dev.samx.position) == before
    assert not client.queue.items


def test_a_dry_run_at_the_shell_is_drawn(lab, capsys):
    scan.run(["line_scan", "samx", "-5", "5", "--steps", "3", "--dry"], lab.data)
    shown = capsys.readouterr().out
    assert "line_scan samx -5 5 --steps 3" in shown
    assert "3 points" in shown
    assert "-50 to 50" in shown
    assert "█" in shown


@pytest.mark.keeps_threads  # IPython's history saver
def test_magics_run_dry_where_they_are_told_to(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = get_ipython() or InteractiveShell.instance()
    monkeypatch.setattr("bec_magics.setup.session.connect", lambda: connect(lab.data))
    load_ipython_extension(shell)
    try:
        before = lab.client.dev.samx.position
        told = shell.run_line_magic("scan", "line_scan samx -5 5 --steps 3 --dry")
        assert told.points == 3
        with shell.user_ns["scans"].dry_run() as block:
            shell.run_line_magic("mv", "samx 9")
            shell.run_line_magic("scan", "line_scan samx -5 5 --steps 3")
            shell.run_line_magic("ct", "0.1")
        assert [one.points for one in block] == [0, 3, 1]
        assert lab.client.dev.samx.position == before
    finally:
        unload_ipython_extension(shell)


def test_a_rule_lets_time_pass_by_itself_until_the_beam_is_back(lab):
    client = lab.client
    client.queue.suspend_unless("ring above 80 for 60")
    client.dev.ring.dump()
    before = client.dev.ring.read()["ring"]["timestamp"]
    report = client.scans.acquire().wait(20)
    opened = client.bus.read(keys.states(report.scan_id), START)[0].message.time
    # From 0 mA, by 2 mA a second, until it is above 80 mA; and for 60 s.
    assert opened - before == pytest.approx(41 + 60, abs=1.5)
    client.queue.unsuspend("ring")
