"""What a client knows of one scan, whatever it reads first."""

from bec_kernel.client._track import Track
from bec_kernel.wire import Item, ItemState, ScanRequest, ScanState, StateChange

REQUEST = ScanRequest(request_id="s1", name="line_scan")
ENDED = Item(
    scan_id="s1",
    user="ada",
    request=REQUEST,
    rank=1.0,
    state=ItemState.HALTED,
    scan_number=1,
)


def test_a_scan_has_ended_when_its_own_state_says_so():
    track = Track("s1")
    track.tell(StateChange(state=ScanState.OPEN))
    track.tell(ENDED)  # the final state is in the same commit, and read next
    assert not track.is_final
    track.tell(StateChange(state=ScanState.HALTED))
    assert track.is_final


def test_an_item_that_never_opened_has_ended_with_its_item():
    track = Track("s1")
    track.tell(ENDED)
    assert track.is_final
