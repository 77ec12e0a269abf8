"""The contract: compared with what is written down, and readable for ever."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bec_kernel.bus.codec import decode, encode
from bec_kernel.errors import DecodeError, TransitionError
from bec_kernel.wire import (
    ITEM_TRANSITIONS,
    RULES,
    SCAN_TRANSITIONS,
    VERSION,
    ItemState,
    ScanState,
    Step,
    StepEntry,
    Stop,
    schema,
    step_to,
)
from bec_kernel.wire._base import Message

SAMPLES = Path(__file__).with_name("wire_samples")
KINDS = {kind.__name__: kind for kind in schema.messages()}
KEPT = [
    (path.stem, name, raw)
    for path in sorted(SAMPLES.glob("*.json"))
    for name, raw in json.loads(path.read_text()).items()
]


def test_the_written_schema_is_that_of_the_code():
    assert schema.PATH.read_text() == schema.text(), f"run: {schema.COMMAND}"


def test_the_schema_holds_no_docstrings():
    class Described(Message):
        """A docstring that must not appear."""

        description: str = "a default"

    prose = "A docstring that must not appear"
    _, components = msgspec.json.schema_components([Described])
    assert prose in json.dumps(components)
    kept = schema.without_prose(components)["Described"]
    assert prose not in json.dumps(kept)
    assert kept["properties"]["description"]["default"] == "a default"


def test_every_key_names_what_lives_there_and_who_writes_it():
    for rule in RULES:
        assert rule.writers, rule.pattern
        assert rule.message is not None, rule.pattern
        assert rule.pattern.split("/")[0] in ("ask", "pub", "svc")


def test_every_message_of_this_version_has_a_kept_sample():
    kept = {name for version, name, _ in KEPT if version == VERSION}
    assert kept == KINDS.keys(), "run: python tests/kernel/samples.py"


@pytest.mark.parametrize(("version", "name", "raw"), KEPT)
def test_a_kept_message_decodes_for_ever(version, name, raw):
    message = decode(bytes.fromhex(raw), KINDS[name])
    assert decode(encode(message), KINDS[name]) == message


def test_an_unknown_tag_is_refused():
    raw = encode({"type": "sabotage", "index": 0})
    with pytest.raises(DecodeError, match="sabotage"):
        decode(raw, StepEntry)
    with pytest.raises(DecodeError):
        decode(encode(Stop(epoch=0, severity=1)), Step)


def test_a_field_from_the_future_is_ignored():
    raw = encode({"type": "stop", "epoch": 3, "severity": 1, "colour": "blue"})
    assert decode(raw, Stop) == Stop(epoch=3, severity=1)


def test_a_wrong_type_is_refused_and_said():
    with pytest.raises(DecodeError, match=r"not a Stop: .*int.*epoch"):
        decode(encode({"type": "stop", "epoch": "x", "severity": 1}), Stop)


@pytest.mark.parametrize(
    ("table", "states"),
    [(SCAN_TRANSITIONS, ScanState), (ITEM_TRANSITIONS, ItemState)],
)
def test_only_what_is_in_the_table_follows(table, states):
    for old in states:
        for new in states:
            if new in table.get(old, set()):
                assert step_to(table, old, new) is new
            else:
                with pytest.raises(TransitionError, match=f"{old} to {new}"):
                    step_to(table, old, new)
        assert old.is_final == (old not in table)


@pytest.mark.processes
def test_the_contract_is_imported_without_its_users():
    probe = (
        "import sys, bec_kernel.wire\n"
        "print(sorted({'redis', 'numpy', 'IPython', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == "[]"
