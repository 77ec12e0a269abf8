"""Device lists in whole instances: twins, several device servers, the database."""

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import ScanState
from tests.system.beamline import DEVICES, Instance

MONO = """
mono:
  deviceClass: ophyd_devices.SimPositioner
  deviceConfig: {delay: 0}
  readoutPriority: baseline
  deviceTags: [optics]
"""
REAL = """
m1: {deviceClass: ophyd.EpicsMotor, deviceConfig: {prefix: "X:m1", limits: [-2, 2]},
  readoutPriority: baseline, deviceTags: [sample]}
shutter: {deviceClass: ophyd.EpicsSignal, deviceConfig: {read_pv: "X:s"},
  readoutPriority: on_request}
current: {deviceClass: ophyd.EpicsSignalRO, deviceConfig: {read_pv: "X:c"},
  readoutPriority: baseline}
counter: {deviceClass: ophyd.scaler.ScalerCH, deviceConfig: {prefix: "X:ct"},
  readoutPriority: monitored, softwareTrigger: true}
camera: {deviceClass: ophyd.areadetector.SimDetector, deviceConfig: {prefix: "X:cam"},
  readoutPriority: monitored, softwareTrigger: true}
odd: {deviceClass: site.lab.Gizmo, readoutPriority: on_request}
"""
RULES = "device_servers:\n  main:\n  optics: {tags: [optics]}\n"


def held(instance):
    return {device.name: device.server for device in instance.client.dev.all()}


def scanned(instance, motor):
    report = instance.client.scans.line_scan(motor, -1, 1, steps=3)
    return report.wait(timeout=20).status is ScanState.CLOSED


def test_a_list_is_shared_out_by_rule_changed_and_kept_by_name(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.yaml").write_text(RULES)
    instance = Instance(data, devices=DEVICES + MONO)
    client = instance.client
    assert held(instance) == {
        "samx": "main",
        "det": "main",
        "slow": "main",
        "mono": "optics",
    }
    names = [one["name"] for one in client.status()["services"]]
    assert "device_server/optics" in names
    assert scanned(instance, "mono")
    assert client.config.publish("beam") == 1
    client.dev.mono.limits = (-3, 3)
    assert client.dev.mono.limits == (-3, 3)
    with pytest.raises(RefusedError, match="belongs to the device server optics"):
        client.dev.samx.tags = ["optics"]
    with pytest.raises(RefusedError, match="no allowed package"):
        client.config.add({"e": {"deviceClass": "os.system", **OWN}})
    new = client.config.fetch("beam")
    del new["slow"]
    new["mono"]["readoutPriority"] = "on_request"
    lines = ["~ mono.readoutPriority: 'baseline' -> 'on_request'", "- slow"]
    assert sorted(set(client.config.diff(new)) & set(lines)) == sorted(lines)
    client.config.load(new)
    assert scanned(instance, "mono")
    instance.close()

    (data / "settings.yaml").write_text(
        RULES.replace("{tags", "{names: [det, samx], tags")
    )
    again = Instance(data, devices="")
    assert held(again) == {"samx": "optics", "det": "optics", "mono": "optics"}
    assert scanned(again, "samx")
    again.close()


OWN = {"readoutPriority": "baseline", "deviceTags": ["optics"]}


def test_a_real_list_runs_with_simulated_twins(tmp_path):
    path = tmp_path / "real.yaml"
    path.write_text(REAL)
    instance = Instance(tmp_path / "data", "--sim", str(path), devices="")
    found = {device.name: device for device in instance.client.dev.all()}
    kinds = {n: device.device_class.rpartition(".")[2] for n, device in found.items()}
    assert kinds == {
        "m1": "SimPositioner",
        "shutter": "SimValue",
        "current": "SimReadOnly",
        "counter": "SimMonitor",
        "camera": "SimCamera",
        "odd": "SimMonitor",
    }
    assert found["m1"].limits == (-2, 2)
    assert found["m1"].tags == ["sample"]
    assert all(device.problem is None for device in found.values())
    assert scanned(instance, "m1")
    instance.close()
