"""Order among what waits: the same as of a list, by changing one number."""

from itertools import pairwise

from hypothesis import given, strategies as st

from bec_kernel.wire import Item, Place, ScanRequest
from bec_services.scan_server.queue.lane import Lane


def item(name, rank):
    request = ScanRequest(request_id=name, name="scan")
    return Item(scan_id=name, user="ada", request=request, rank=rank)


class Waiting:
    """A lane, its items, and the plain list they must be in the order of."""

    def __init__(self, count):
        self.items = {f"i{n}": item(f"i{n}", float(n)) for n in range(count)}
        self.wanted = list(self.items)
        self.lane = Lane()
        for one in self.items.values():
            self.lane.add(one)

    def move(self, name, place, position=0):
        """Move as the server does, and in the list; return how many were touched."""
        one = self.items[name]
        index = self.lane.place(one, place, position)
        ranks = self.lane.ranks(one, index)
        for touched, rank in ranks.items():
            self.lane.discard(self.items[touched])
            self.items[touched] = item(touched, rank)
            self.lane.add(self.items[touched])
        self.wanted.remove(name)
        self.wanted.insert(index, name)
        return len(ranks)


MOVES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(Place), st.integers(-2, 15)),
    max_size=60,
)


@given(moves=MOVES)
def test_any_moves_give_the_order_of_a_list_and_ranks_that_rise(moves):
    waiting = Waiting(10)
    for number, place, position in moves:
        waiting.move(f"i{number}", place, position)
        assert list(waiting.lane) == waiting.wanted
        ranks = [waiting.items[name].rank for name in waiting.lane]
        assert all(a < b for a, b in pairwise(ranks))


def test_places_are_what_they_say_and_end_at_the_ends():
    waiting = Waiting(4)
    assert waiting.move("i2", Place.UP) == 1
    assert list(waiting.lane) == ["i0", "i2", "i1", "i3"]
    assert waiting.move("i0", Place.UP) == 0
    waiting.move("i0", Place.BOTTOM)
    waiting.move("i3", Place.TOP)
    waiting.move("i1", Place.TO, 2)
    assert list(waiting.lane) == ["i3", "i1", "i2", "i0"]
    waiting.move("i3", Place.TO, 99)
    assert list(waiting.lane) == ["i1", "i2", "i0", "i3"]


def test_a_change_touches_one_item_and_now_and_then_a_few():
    waiting = Waiting(1000)
    touched = [
        waiting.move(waiting.wanted[-1], Place.TO, 2)  # always between the same two
        for _ in range(500)
    ]
    assert list(waiting.lane) == waiting.wanted
    assert sorted(touched)[len(touched) // 2] == 1
    assert sum(touched) < 2.5 * len(touched)
    assert max(touched) < 200
