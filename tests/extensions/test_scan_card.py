import pytest

from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Point, Reading, ScanState, StateChange, Verb, keys
from bec_live.views.card_state import CardState
from bec_live.views.scan_card import ScanCard


class SpyCard(ScanCard):
    """A card that keeps what it would send to its pages."""

    def send(self, content, buffers=None):
        self.__dict__.setdefault("sent", []).append((content, buffers))


def point(p):
    data = {"bpm4i": {"bpm4i": Reading(float(p), 0.0)}}
    return Point(index=p, point_id=p, attempt=1, begin=p, end=p + 1, data=data)


@pytest.fixture
def bus():
    return MemoryBus(user="ann")


@pytest.fixture
def card(bus):
    card = SpyCard(bus, "s1")
    yield card
    card.close()


def shown(card, *messages):
    state = CardState()
    for message in messages:
        state.take(message)
        card.show(state)
    return card.__dict__.get("sent", [])


def test_new_points_travel_alone(card):
    sent = [content for content, _ in shown(card, point(0), point(1))]
    assert [(c["start"], c["rows"]) for c in sent] == [(0, [[0, 0.0]]), (1, [[1, 1.0]])]


def test_the_traits_are_the_whole_view_for_a_page_opened_late(card):
    shown(card, point(0), point(1), StateChange(state=ScanState.PAUSED))
    state = card.get_state()
    assert state["rows"] == [[0, 0.0], [1, 1.0]]
    assert state["head"]["columns"] == ["bpm4i"]
    assert state["status"]["state"] == "paused"


@pytest.mark.parametrize("verb", ["pause", "resume", "abort"])
def test_a_button_sends_one_message_for_this_scan(bus, card, verb):
    card._handle_custom_msg({"press": verb}, [])
    (entry,) = bus.read(keys.scan_asks("ann"))
    assert (entry.message.scan_id, entry.message.verb) == ("s1", Verb(verb))


def test_a_press_of_no_button_does_nothing(bus, card):
    card._handle_custom_msg({"press": "format_disk"}, [])
    assert bus.read(keys.scan_asks("ann")) == []


def test_a_page_that_missed_points_gets_them(card):
    shown(card, point(0), point(1), point(2))
    card._handle_custom_msg({"ask": "rows", "start": 1}, [])
    content, _ = card.sent[-1]
    assert content == {"kind": "rows", "start": 1, "rows": [[1, 1.0], [2, 2.0]]}


def test_bokehjs_comes_from_the_kernel(card):
    card._handle_custom_msg({"ask": "bokeh"}, [])
    _, (script,) = card.sent[-1]
    assert len(script) > 1_000_000
    card._handle_custom_msg({"ask": "plot"}, [])
    content, _ = card.sent[-1]
    assert content["item"]["doc"]


def test_a_card_reads_the_same_in_every_run(card):
    assert repr(card) == "ScanCard"
    assert list(card.view()) == ["application/vnd.jupyter.widget-view+json"]
