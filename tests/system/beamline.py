"""A whole instance as a person starts it, and what must be true of its scans."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from bec_kernel.bus.changes import START
from bec_kernel.client import connect
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import Step, StepKind, keys

POINTS = 200
START_AT, STOP_AT = -5.0, 5.0
HEIGHT, CENTER, SIGMA, NOISE = 1000.0, 0.5, 1.5, 5.0

DEVICES = f"""\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: baseline
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig:
    model: GaussianModel
    ref_motor: samx
    params: {{height: {HEIGHT}, center: {CENTER}, sigma: {SIGMA}}}
    noise: uniform
    noise_scale: {NOISE}
    seed: 7
  readoutPriority: monitored
  softwareTrigger: true
slow:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{velocity: 1, limits: [-50, 50]}}
  readoutPriority: baseline
"""


class Instance:
    """A launcher with the real services, in a data folder of its own."""

    def __init__(self, data: Path, *words: str, devices: str = DEVICES) -> None:
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        words = [*words]
        if devices:
            listed = data / "list.yaml"
            listed.write_text(devices)
            words += ["--devices", str(listed)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bec_services.launcher", "--data", data, *words],
            env=os.environ | {"BEC_LOOKAHEAD": "8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("ready"):
                break
        else:
            raise AssertionError("".join(said))
        self.client = connect(data)
        self.client.ready(20)

    def process_of(self, name: str) -> dict:
        """What `bec status` says of a service, or the broker."""
        status = self.client.status()
        if name == "broker":
            return status["broker"]
        return next(one for one in status["services"] if one["name"] == name)

    def restarts(self) -> dict[str, int]:
        """How often each process was started again."""
        status = self.client.status()
        found = {one["name"]: one["restarts"] for one in status["services"]}
        return found | {"broker": status["broker"]["restarts"]}

    def line_scan(self, points: int = POINTS, exp_time: float = 0.002):
        """Begin the scan all checks are about."""
        return self.client.scans.line_scan(
            "samx", START_AT, STOP_AT, steps=points, exp_time=exp_time
        )

    def steps(self, scan_id: str) -> list:
        """Read the step log of a scan."""
        log, found, at = keys.steps(scan_id), [], START
        while page := self.client.bus.read(log, at):
            found += [entry.message for entry in page]
            at = page[-1].id
        return found

    def standby(self, role: str, name: str = "main") -> subprocess.Popen[bytes]:
        """Start one more process of a role; return when it waits for the first one."""
        process = self.beside(role, stderr=subprocess.PIPE, BEC_NAME=name)
        assert any(b"waits for its end" in line for line in process.stderr)
        return process

    def beside(
        self, role: str, *words: str, stderr: int | None = None, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start one more process of a role, beside those of the launcher."""
        folder = Folder(self.data)
        url = f"unix://{role}:{folder.password(role)}@{folder.socket}"
        own = {"BEC_REDIS": url, "BEC_DATA": str(self.data), **environment}
        argv = [sys.executable, *(words or ("-m", f"bec_services.{role}"))]
        return subprocess.Popen(
            argv, env=os.environ | own, stdin=subprocess.DEVNULL, stderr=stderr
        )

    def close(self) -> None:
        """Stop it; nothing is left."""
        self.client.close()
        self.process.terminate()
        assert self.process.wait(15) == 0
        self.process.stdout.close()


def model(x: np.ndarray) -> np.ndarray:
    """The simulated detector's value, without noise."""
    return HEIGHT * np.exp(-((x - CENTER) ** 2) / (2 * SIGMA**2))


def differences(
    instance: Instance, report, seen: list, points: int = POINTS
) -> list[str]:
    """Return what is wrong with a scan and its record; empty: all is as it must be.

    Args:
        instance: it ran in.
        report: of the scan, which has ended.
        seen: the points that the client's own iterator gave.
        points: how many there must be.
    """
    wrong = []
    ids = [point.point_id for point in seen]
    wanted = np.linspace(START_AT, STOP_AT, len(ids))
    if ids != list(range(points)):
        return [f"points seen: {ids}"]
    setpoints = _column(seen, "samx", "samx_setpoint")
    readbacks = _column(seen, "samx", "samx")
    values = _column(seen, "det", "det")
    times = np.array([point.data["det"]["det"].timestamp for point in seen])
    if not np.allclose(setpoints, wanted, atol=1e-12):
        wrong.append("a setpoint is not the formula's")
    if not np.allclose(readbacks, wanted, atol=1e-9):
        wrong.append("a readback is not its setpoint's")
    if np.abs(values - model(wanted)).max() > NOISE * 1.001:
        wrong.append("a value is not of its setpoint")
    if not (np.diff(times) > 0).all():
        wrong.append("timestamps do not rise")
    wrong += _exposed_twice(seen)
    wrong += _other_steps(instance.steps(report.scan_id), points)
    wrong += _other_file(report, seen)
    return wrong


def _column(points: list, device: str, signal: str) -> np.ndarray:
    return np.array([point.data[device][signal].value for point in points])


def _exposed_twice(seen: list) -> list[str]:
    """The detector's own counter rises by one, but where a point was taken again."""
    exposures = _column(seen, "det", "det_exposures")
    again = np.array([point.attempt > 1 for point in seen[1:]])
    odd = np.flatnonzero((np.diff(exposures) != 1) & ~again)
    return [f"points {list(odd + 1)} exposed again as attempt 1"] if len(odd) else []


def _other_steps(steps: list, count: int) -> list[str]:
    """New attempts aside, the steps are those of an undisturbed scan.

    Of a long one points may have left the bus: their indices are missing, too.
    """
    plain: list = []
    for step in steps:
        if isinstance(step, Step):
            what = (
                step.request.kind,
                step.request.point_id,
                tuple(step.request.set.items()),
            )
            if what not in plain[-64:]:
                plain.append(what)
    wanted = np.linspace(START_AT, STOP_AT, count)
    kinds = [kind for kind, _, _ in plain if kind is not StepKind.POINT]
    frame = ["open", "baseline", "stage", "unstage", "close"]
    points = [(p, dict(s)["samx"]) for k, p, s in plain if k is StepKind.POINT]
    wrong = []
    if [str(kind) for kind in kinds] != frame:
        wrong.append(f"frame {kinds}")
    gone = steps[-1].index + 1 - len(steps)
    there = [p for p, _ in points]
    if there != sorted(set(there)) or not count - gone <= len(there) <= count:
        wrong.append("other points in the step log")
    elif not np.allclose([at for _, at in points], wanted[there]):
        wrong.append("other setpoints in the step log")
    return wrong


def _other_file(report, seen: list) -> list[str]:
    """The file holds what the client saw."""
    path = report.file
    if path is None:
        return ["no file"]
    with h5py.File(path) as file:
        values = file["entry/collection/devices/det/det/value"][...]
        exposures = file["entry/collection/devices/det/det_exposures/value"][...]
    wrong = []
    if not np.array_equal(values, _column(seen, "det", "det")):
        wrong.append("other values in the file")
    if not np.array_equal(exposures, _column(seen, "det", "det_exposures")):
        wrong.append("other exposures in the file")
    return wrong
