"""Device lists: includes, the order of needs, sharing out by rules, versions."""

import re

import pytest

from bec_kernel.device_list import DeviceListError, checked, in_order, reading, versions
from bec_kernel.device_list.classes import check_classes
from bec_kernel.device_list.rules import owner, shares
from bec_kernel.errors import InstanceError, RefusedError
from bec_kernel.instance import settings
from bec_kernel.wire import DeviceListVersion, DeviceRule


def line(name, **more):
    fields = {"deviceClass": "ophyd.Device", "readoutPriority": "baseline", **more}
    inner = ", ".join(f"{key}: {value}" for key, value in fields.items())
    return f"{name}: {{{inner}}}\n"


def device(**more):
    return {"deviceClass": "ophyd.Device", "readoutPriority": "baseline", **more}


def test_files_are_included_relative_to_the_one_that_names_them(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yaml").write_text(line("a") + "rest: !include b.yaml\n")
    (tmp_path / "deep" / "b.yaml").write_text(line("b"))
    (tmp_path / "c.yaml").write_text(line("c"))
    text = "all:\n  - !include deep/a.yaml\n  - !include c.yaml\n" + line("d")
    (tmp_path / "main.yaml").write_text(text)
    assert list(reading.load_list(tmp_path / "main.yaml")) == ["a", "b", "c", "d"]


def test_the_last_definition_wins_and_it_is_said(tmp_path):
    (tmp_path / "a.yaml").write_text(line("samx", description="old"))
    text = "base: !include a.yaml\n" + line("samx", description="new")
    (tmp_path / "b.yaml").write_text(text)
    found = reading.read_list(tmp_path / "b.yaml")
    assert found.devices["samx"].description == "new"
    assert found.notes == [f"samx: {tmp_path}/b.yaml:2 replaces {tmp_path}/a.yaml:1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g: !include a.yaml\n", "includes itself"),
        ("g: !include missing.yaml\n", "missing.yaml: No such file"),
        ("g: !include [a.yaml, {b: 1}]\n", "takes the path of a file"),
        (line("a", needs="[b]") + line("b", needs="[a]"), "a.yaml:[12]: .*needs"),
        (line("samx") + line("a", needs="[samy]"), "'samy': did you mean samx"),
        (line("a", connectionTimeout=-1), "connectionTimeout: .*greater than 0"),
        (line("a", deviceConfig="{x: 2020-01-01}"), "deviceConfig.x: .*JSON"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine"),
        ("a: !!python/name:os.system\n", "could not determine"),
    ],
)
def test_a_mistake_is_said_with_its_file(tmp_path, text, said):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(DeviceListError) as error:
        reading.read_list(path)
    assert str(tmp_path) in str(error.value)
    assert re.search(said, str(error.value))


BOMB = "a:\n  deviceConfig:\n    l0: &l0 [x, x]\n" + "".join(
    f"    l{n}: &l{n} [*l{n - 1}, *l{n - 1}, *l{n - 1}]\n" for n in range(1, 30)
)
LONG = "x" * 1000
HUGE = [
    (BOMB, "a has more than 100000 parts"),
    ("a: &a {deviceConfig: *a}\n", "a has more than 100000 parts, or contains itself"),
    ("a: " + "[" * 50 + "]" * 50, "more than 30 levels of nesting"),
    ("a: " + "[" * 5000, "maximum nesting depth"),
    ("a: " + "{b: " * 5000, "nesting"),
    (line("a").replace("{", "{deviceClass: a.b, "), "a: deviceClass is given already"),
    (line("a", deviceConfig="{x: 1, x: 2}"), "a.yaml:1: a: x is given already in line"),
    (line(LONG), "x… is too long for a device's name: at most 60"),
    (line("a", **{LONG: 1}), "no such field"),
    (f"{LONG}: !include missing.yaml\n", "missing.yaml: No such file"),
]


@pytest.mark.parametrize(("text", "said"), HUGE, ids=[said for _, said in HUGE])
def test_what_is_huge_deep_or_said_twice_is_refused_in_one_line(tmp_path, text, said):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(DeviceListError) as error:
        reading.read_list(path)
    assert said in str(error.value)
    assert len(str(error.value)) < 400
    assert len(error.value.subject) < 200


def test_references_within_reason_are_followed(tmp_path):
    text = line("a", deviceConfig="&c {limits: [0, 1]}")
    text += "b: &b {deviceClass: a.b, readoutPriority: async, deviceConfig: *c}\n"
    text += "c:\n  <<: *b\n  readoutPriority: baseline\n"
    (tmp_path / "a.yaml").write_text(text)
    found = reading.load_list(tmp_path / "a.yaml")
    assert found["b"].deviceConfig == {"limits": [0, 1]} == found["c"].deviceConfig
    assert found["c"].readoutPriority == "baseline"


def test_a_device_comes_behind_all_it_needs():
    specs = checked({"a": device(needs=["c"]), "b": device(), "c": device(needs=["b"])})
    assert in_order(specs) == ["b", "c", "a"]


@pytest.mark.parametrize(
    "path",
    ["os.system", "subprocess.Popen", "ophydx.Device", "ophyd._x.Y", "ophyd.a b", ""],
)
def test_a_class_of_no_allowed_package_is_refused(path):
    with pytest.raises(DeviceListError, match=r"evil: .*no allowed package"):
        check_classes(checked({"evil": device(deviceClass=path)}))


RULES = {
    "main": DeviceRule(),
    "optics": DeviceRule(tags=["optics"], names=["mono"]),
    "detectors": DeviceRule(tags=["detector"]),
}


def test_devices_are_shared_out_by_tag_and_name():
    specs = checked(
        {
            "samx": device(),
            "mono": device(),
            "slit": device(deviceTags=["front", "optics"]),
            "eiger": device(deviceTags=["detector"]),
        }
    )
    found = shares(specs, RULES)
    assert {server: list(share) for server, share in found.items()} == {
        "main": ["samx"],
        "optics": ["mono", "slit"],
        "detectors": ["eiger"],
    }
    assert list(shares(specs, {})) == ["main"]


def test_a_device_that_two_rules_match_is_refused_with_both():
    spec = checked({"mono": device(deviceTags=["detector"])})["mono"]
    with pytest.raises(DeviceListError) as error:
        owner("mono", spec, RULES)
    assert "optics (name mono) and detectors (tag detector)" in str(error.value)


def test_a_device_that_no_rule_matches_is_refused():
    spec = checked({"samx": device()})["samx"]
    with pytest.raises(DeviceListError, match="samx: no device server's rule"):
        owner("samx", spec, {"optics": RULES["optics"]})


def test_a_version_can_be_had_back_from_what_changed():
    lists = [checked({f"m{i}": device() for i in range(20)})]
    lists.append({**lists[0], **checked({"m3": device(enabled=False)})})
    lists.append({n: spec for n, spec in lists[1].items() if n != "m7"})
    entries, old, since = [], {}, 0
    for number, new in enumerate(lists, 1):
        whole, devices, removed = versions.entry_fields(number, since, old, new)
        entries.append(
            DeviceListVersion(
                version=number, time=0, whole=whole, devices=devices, removed=removed
            )
        )
        old, since = new, 0 if whole else since + 1
    assert [entry.whole for entry in entries] == [True, False, False]
    for number, wanted in enumerate(lists, 1):
        assert checked(versions.version_at(entries, number)) == wanted
    assert checked(versions.version_at(entries)) == lists[-1]
    with pytest.raises(RefusedError, match=r"no version 9 .*1 to 3"):
        versions.version_at(entries, 9)
    assert versions.differences(
        versions.version_at(entries), versions.version_at(entries, 1)
    ) == [
        "~ m3.enabled: False -> True",
        "+ m7: ophyd.Device",
    ]


def test_a_list_that_is_written_is_read_as_it_was(tmp_path):
    specs = checked(
        {"a": device(deviceConfig={"limits": [-1, 1.5], "x": None}), "b": device()}
    )
    path = tmp_path / "list.yaml"
    path.write_text(reading.list_text(specs))
    assert reading.load_list(path) == specs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("device_servers: {a: {}, b: {}}\n", "a and b have neither tags nor names"),
        ("device_servers: {'a b': {}}\n", "'a b' is not a valid name"),
        ("device_servers: {a: {tag: [x]}}\n", "device_servers.a.tag"),
        ("device_severs: {}\n", "device_severs"),
        ("device_servers: {}\n", "there must be one"),
        ("device_servers: [\n", "line 2"),
        ("users: {bob: king}\n", "users.bob"),
        ("users: {'../bob': user}\n", "'../bob' is not a valid name"),
        ("users: {scihub: user}\n", "scihub is the name of a service"),
        (
            "files: {account: ../p1}\n",
            "files.account: '../p1' is not a name of a folder",
        ),
        ("files: {layout: [x]}\n", "files.layout"),
        ("files: {source: {names: x}}\n", "files.source.names"),
    ],
)
def test_wrong_settings_are_said_with_file_and_field(tmp_path, text, said):
    (tmp_path / settings.FILE).write_text(text)
    with pytest.raises(InstanceError) as error:
        settings.load_settings(tmp_path)
    assert str(tmp_path / settings.FILE) in str(error.value)
    assert said in str(error.value)


def test_without_settings_one_device_server_holds_everything(tmp_path):
    assert settings.load_settings(tmp_path).rules() == {"main": DeviceRule()}
