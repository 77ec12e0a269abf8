"""What a site wants of metadata is completed, explained and refused early."""

import pytest

from bec_kernel.bus.changes import Put
from bec_kernel.errors import RefusedError
from bec_kernel.wire import MetadataField, MetadataSchema, keys

PROPOSAL = MetadataField(
    name="proposal", kind="str", doc="its number", pattern=r"^p\d{5}$", required=True
)
MODE = MetadataField(name="mode", kind="str", choices=["fly", "step by step"])
KELVIN = MetadataField(name="temperature", kind="float", unit="K", above=0.0)
SITE = MetadataSchema(fields=[PROPOSAL, MODE, KELVIN])


@pytest.fixture(autouse=True)
def site(server, line):
    line.commit([Put(keys.metadata(), SITE, "site")])


def test_a_scan_is_refused_before_the_scan_server_is_asked(bec, server):
    with pytest.raises(RefusedError, match="metadata proposal: it is needed") as error:
        bec.scans.acquire()
    assert error.value.subject == "metadata.proposal"
    with pytest.raises(RefusedError, match=r"must be a text like \^p"):
        bec.run("acquire --metadata proposal=7")
    with pytest.raises(RefusedError, match=r"a finite number \(K\) above 0, not -3"):
        bec.scans.acquire(metadata={"proposal": "p12345", "temperature": -3})
    with pytest.raises(RefusedError, match="metadata proposal: it is needed"):
        bec.scans.acquire.dry_run()
    assert server.seen == []
    bec.mv("samx", 1)  # a move has none


def test_what_is_kept_with_every_scan_is_checked_when_it_is_given(bec, server):
    with pytest.raises(RefusedError, match="one of fly, step by step, not 'walk'"):
        bec.metadata["mode"] = "walk"
    assert not bec.metadata
    bec.metadata["proposal"] = "p12345"
    bec.metadata["note"] = [1]  # the site knows no such name, and lets it be
    bec.scans.acquire(metadata={"mode": "fly"}).wait(5)
    whole = {"proposal": "p12345", "note": [1], "mode": "fly"}
    assert server.seen[-1].metadata == whole
    del bec.metadata["note"]
    assert repr(bec.metadata) == "{'proposal': 'p12345'}"


def test_a_schema_that_is_no_longer_so_refuses_nothing(bec, server, line):
    with pytest.raises(RefusedError):
        bec.scans.acquire()
    free = MetadataSchema(fields=[MODE])
    line.commit([Put(keys.metadata(), free, "site")])
    bec.scans.acquire().wait(5)
    assert server.seen[-1].metadata == {}


def test_tab_offers_names_and_choices(bec):
    def tab(text):
        return [word for word, _ in bec.complete(text)]

    assert tab("acquire --metadata ") == ["proposal=", "mode=", "temperature="]
    assert tab("acquire --metadata proposal=p1 --metadata m") == ["mode="]
    assert tab("acquire --metadata mode=") == ["mode=fly", 'mode="step by step"']
    assert tab("acquire --metadata mode=f") == ["mode=fly"]
    assert tab("acquire --metadata proposal=") == tab("mv samx 1 --metadata ") == []


def test_the_schema_is_shown_and_stands_in_a_scans_help(bec):
    shown = repr(bec.metadata.schema).splitlines()
    assert shown[2].split() == [
        *("proposal", "a", "text", "like", r"^p\d{5}$", "yes", "its", "number")
    ]
    assert "<td>its number</td>" in bec.metadata.schema._repr_html_()
    told = bec.scans.acquire.__doc__
    assert r"proposal     a text like ^p\d{5}$, its number, needed" in told
    assert "temperature  a finite number (K) above 0" in told
    assert "proposal" not in bec.scans.mv.__doc__
