"""What a site wants to know of every scan is asked for before it runs."""

from datetime import date
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Literal

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, ConfigDict, Field

from bec_kernel.errors import RefusedError
from bec_kernel.language.metadata import check_metadata
from bec_kernel.wire import Device, MetadataField, ScanRequest
from bec_services.scan_server import __main__ as main
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.accept.metadata import schema_of
from bec_services.scan_server.scans import Acquire, Move


class Mode(StrEnum):
    """How it is scanned."""

    FLY = "fly"
    STEP = "step"


class Model(BaseModel):
    """A schema as a pydantic model."""

    sample: str = Field(min_length=1)
    thickness: float = Field(default=1.0, gt=0)
    mode: Literal["fly", "step"] = "step"


MAPPING = {
    "sample": {"kind": "str", "required": True, "doc": "its name"},
    "thickness": {"kind": "float", "low": 0.001},
    "mode": {"kind": "str", "choices": ["fly", "step"]},
}
SCHEMAS = {"model": Model, "mapping": MAPPING}
SAMX = Device(name="samx", server="main", device_class="x", positioner=True)


def ask(schema, name="acquire", args=(), **metadata):
    catalogue = Catalogue([Acquire, Move], {"own": schema_of(SCHEMAS[schema])})
    request = ScanRequest(request_id="r", name=name, args=[*args], metadata=metadata)
    return accept(catalogue, Beamline(devices={"samx": SAMX}), request, "ada", 0.0)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_metadata_as_the_site_wants_them_are_kept_as_they_were_given(schema):
    asked = {"sample": "steel", "thickness": 2, "note": ["my", "own"]}
    assert ask(schema, **asked).begin.request.metadata == asked


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({}, "sample"),
        ({"sample": 3}, "sample"),
        ({"sample": "steel", "thickness": 0}, "thickness"),
        ({"sample": "steel", "thickness": "thick"}, "thickness"),
        ({"sample": "steel", "mode": "walk"}, "mode"),
    ],
)
def test_what_is_missing_or_wrong_is_named(schema, metadata, named):
    with pytest.raises(RefusedError) as error:
        ask(schema, **metadata)
    assert str(error.value).startswith(f"metadata {named}: ")
    assert error.value.subject == f"metadata.{named}"
    if named in metadata:
        assert repr(metadata[named]) in str(error.value)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_move_has_no_metadata(schema):
    ask(schema, "mv", ["samx", 1])


@pytest.mark.parametrize(
    "value", ["os:system", "no_such_package:Model", "json:NoSuchName", "sys:path"]
)
def test_a_broken_schema_is_left_out_and_told(monkeypatch, value):
    entries = [EntryPoint("own", value, "bec.metadata")]
    monkeypatch.setattr(main, "entry_points", lambda group: entries)
    told = []
    assert main.load_schemas(told.append) == {}
    assert told[0].startswith(f"bec.metadata: own ({value}) is left out: ")


@pytest.mark.parametrize("said", [{"required": True}, {"kind": "device"}])
def test_a_mapping_that_says_nonsense_is_no_schema(said):
    with pytest.raises(Exception, match="kind"):
        schema_of({"sample": said})


class Rich(BaseModel):
    """What a site may say. And more."""

    model_config = ConfigDict(extra="forbid")
    proposal: str = Field(pattern=r"^p\d{5}$", description="its number")
    kelvin: float | None = Field(None, gt=0, le=900, json_schema_extra={"unit": "K"})
    mode: Mode = Mode.STEP
    shots: int = Field(default=1, ge=1)
    since: date | None = None
    dialect: str = Field("", pattern=r"^\p{Lu}")
    pair: dict[str, int] | list[int] = []


def test_what_a_model_says_in_so_many_words_is_published():
    published = schema_of(Rich).published
    assert (published.doc, published.closed) == (
        "What a site may say. And more.",
        True,
    )
    assert published.fields == [
        MetadataField(
            name="proposal",
            kind="str",
            doc="its number",
            required=True,
            pattern=r"^p\d{5}$",
        ),
        MetadataField(
            name="kelvin", kind="float", unit="K", nullable=True, above=0.0, high=900.0
        ),
        MetadataField(name="mode", kind="str", default="step", choices=["fly", "step"]),
        MetadataField(name="shots", kind="int", default=1, low=1.0),
        MetadataField(name="since", kind="any", nullable=True),
        MetadataField(name="dialect", kind="str", default=""),
        MetadataField(name="pair", kind="any", default=[]),
    ]


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@pytest.mark.slow
@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from([*Rich.model_fields, "other"]),
        VALUES | st.sampled_from(["p12345", "fly", 3, [1]]),
    )
)
def test_a_client_refuses_nothing_the_guard_takes_and_says_it_in_its_words(metadata):
    schema = schema_of(Rich)
    early = guards = ""
    try:
        check_metadata([schema.published], metadata)
    except RefusedError as error:
        early = str(error)
    try:
        schema.check(metadata)
    except RefusedError as error:
        guards = str(error)
    assert early in ("", guards)
