"""What a client knows of one scan, whatever it reads first."""

from bec_kernel.bus.changes import Id
from bec_kernel.bus.protocol import Entry
from bec_kernel.client.connection.scan_cache import ScanCache
from bec_kernel.wire import (
    FileDone,
    Fit,
    Item,
    ItemState,
    Point,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    Taken,
    keys,
)

REQUEST = ScanRequest(request_id="s1", name="line_scan")
ENDED = Item(
    scan_id="s1",
    user="ada",
    request=REQUEST,
    rank=1.0,
    state=ItemState.HALTED,
    scan_number=1,
)

SEAL = Seal(index=3, points=0, state=ScanState.CLOSED, reason="done", time=1.0)
CLOSED = StateChange(state=ScanState.CLOSED, time=1.0)
FILE = FileDone(path="/x", points=0)
FIT = Fit(model="gaussian", x="m", y="d", points=3, final=True)


def told(track: ScanCache, log, message) -> None:
    track.store(log, [Entry(Id(1), message)])


def followed(*, fit: str = "") -> ScanCache:
    track = ScanCache("a")
    track.follow(points=True)
    track.take(Taken(scan_id="a", scan_number=1, name="x", user="ada", fit=fit))
    return track


def test_a_scan_has_ended_when_its_own_state_says_so():
    track = ScanCache("s1")
    track.take(StateChange(state=ScanState.OPEN))
    track.take(ENDED)  # the final state is in the same commit, and read next
    assert not track.is_final
    track.take(StateChange(state=ScanState.HALTED))
    assert track.is_final


def test_an_item_that_never_opened_has_ended_with_its_item():
    track = ScanCache("s1")
    track.take(ENDED)
    assert track.is_final


def test_a_scan_is_followed_no_more_when_its_end_its_points_and_its_file_are_here():
    track = followed()

    told(track, keys.states("a"), CLOSED)
    told(track, keys.points("a"), SEAL)
    assert set(track.positions) == {keys.files("a")}
    assert not track.is_complete

    told(track, keys.files("a"), FILE)
    assert track.is_complete


def test_a_fit_is_waited_for_where_one_is_made():
    track = followed(fit="gaussian")
    told(track, keys.states("a"), CLOSED)
    told(track, keys.points("a"), SEAL)
    told(track, keys.files("a"), FILE)
    assert set(track.positions) == {keys.fits("a")}

    told(track, keys.fits("a"), FIT)
    assert track.is_complete


def test_what_is_known_to_the_end_is_not_read_again_when_somebody_looks():
    track = followed()
    told(track, keys.states("a"), CLOSED)
    told(track, keys.points("a"), SEAL)

    track.follow(points=True)

    assert set(track.positions) == {keys.files("a")}
    assert track.has_points
    assert len(track.states) == 1


def test_a_move_is_followed_no_more_when_it_has_ended():
    track = ScanCache("a")
    track.follow(points=True)
    request = ScanRequest(request_id="a", name="mv")

    track.take(
        Item(
            scan_id="a", user="ada", request=request, rank=1, state=ItemState.COMPLETED
        )
    )

    assert track.is_complete


def test_of_a_point_that_was_taken_again_the_last_one_counts():
    track = ScanCache("a")
    track.follow(points=True)
    for point_id, attempt in ((0, 1), (1, 1), (0, 2), (2, 1)):
        track.take(
            Point(
                index=1, point_id=point_id, attempt=attempt, begin=0.0, end=0.0, data={}
            )
        )
    assert [(p.point_id, p.attempt) for p in track.points] == [(0, 2), (1, 1), (2, 1)]


def point(number: int, attempt: int = 1) -> Point:
    return Point(index=0, point_id=number, attempt=attempt, begin=0, end=0, data={})


def test_what_left_the_bus_before_it_was_read_is_counted_and_the_rest_is_kept():
    track = followed()
    for number in range(3):
        track.take(point(number))
    track.take(point(8))  # its reader was too slow
    track.take(point(9))
    assert (track.first, track.count) == (8, 10)
    assert [one.point_id for one in track.points] == [8, 9]

    track.take(point(2, attempt=2))
    track.take(point(8, attempt=2))
    assert track.again == {2: point(2, attempt=2)}
    assert track.count == 10
    assert [one.attempt for one in track.points] == [2, 1]


def test_what_left_the_bus_unread_may_have_been_taken_again_as_its_file_says():
    track = followed()
    for number in range(5, 8):
        track.take(point(number))
    track.take(point(2, attempt=2))
    before = track.skipped
    track.take(point(12))  # 2 was taken again once more meanwhile, and is in the file
    assert track.skipped > before
    assert not track.again


def test_a_scan_of_ones_own_follows_nothing_before_it_has_begun():
    track = ScanCache("a")
    track.await_begin()
    assert track.has_points
    assert not track.positions
    track.take(Taken(scan_id="a", scan_number=1, name="x", user="ada"))
    assert track.positions.keys() == {
        keys.points("a"),
        keys.states("a"),
        keys.files("a"),
    }


def test_the_logs_of_a_scan_that_ended_unseen_are_read_to_their_end():
    track = ScanCache("a")
    track.await_begin()
    track.take(ENDED)
    assert keys.points("a") in track.positions
