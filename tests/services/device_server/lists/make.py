"""Writes `bec_demo.yaml`: a list of the make-up of BEC's own demo list.

``python tests/services/device_server/lists/make.py``
"""

import sys
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_name("bec_demo.yaml")
PRODUCT = "def compute(a, b):\n    return a.get() * b.get()\n"
ONE_EACH: dict[str, tuple[str, str, dict[str, Any]]] = {
    "eiger": ("SimCamera", "async", {}),
    "waveform": ("SimWaveform", "async", {"waveform_shape": 1000}),
    "flyer_sim": ("SynFlyer", "on_request", {"delay": 1, "update_frequency": 400}),
    "hexapod": ("SynDeviceOPAAS", "baseline", {}),
    "pseudo": (
        "ComputedSignal",
        "monitored",
        {"compute_method": PRODUCT, "input_signals": ["bpm0_value", "bpm1_value"]},
    ),
    "ring": ("ReadOnlySignal", "baseline", {}),
    "ctrl_motor": (
        "sim.SimPositionerWithController",
        "baseline",
        {"delay": 1, "limits": [-50, 50], "tolerance": 0.01, "update_frequency": 400},
    ),
    "dyn_signals": ("sim.sim.SynDynamicComponents", "baseline", {}),
    "async_monitor": ("sim.sim_monitor.SimMonitorAsync", "async", {}),
    "gauss2d": ("sim.sim_async_gauss.SimAsyncGauss2D", "async", {}),
    "slow_signal": ("sim.sim_test_devices.SimDeviceWithSignalDelay", "baseline", {}),
}


def device(kind: str, priority: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "readoutPriority": priority,
        "deviceClass": f"ophyd_devices.{kind}",
        "deviceConfig": config,
        "deviceTags": ["user motors"] if "Position" in kind else ["detector"],
        "enabled": True,
        "readOnly": False,
        "softwareTrigger": kind in ("SimMonitor", "SimCamera", "SimWaveform"),
    }


def devices() -> dict[str, dict[str, Any]]:
    """Return 159 positioners, 46 monitors, and one each of the others."""
    names = ["samx", "samy", "samz", *(f"motor{i}" for i in range(156))]
    config = {"delay": 1, "limits": [-50, 50], "tolerance": 0.01}
    config["update_frequency"] = 400
    found = {n: device("SimPositioner", "baseline", config) for n in names}
    for i in range(46):
        found[f"bpm{i}"] = device("SimMonitor", "monitored", {})
    for name, (kind, priority, own) in ONE_EACH.items():
        found[name] = device(kind, priority, own)
    return found


def text() -> str:
    """Return what the file holds."""
    return yaml.safe_dump(devices(), sort_keys=False, default_flow_style=None)


if __name__ == "__main__":
    PATH.write_text(text())
    sys.stdout.write(f"{PATH}\n")
