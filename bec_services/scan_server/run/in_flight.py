"""Pure: The steps that are on their way: issued, and not yet answered and let go."""

from collections import deque
from collections.abc import Iterator

from bec_kernel.wire import Answer, AnswerStatus
from bec_services.scan_server.run.unit import RequestInFlight

MAX_LOST = 3
"""So many attempts of one unit may be lost before the scan pauses."""


class StepsInFlight:
    """Units on their way, in the order of their steps."""

    def __init__(self) -> None:
        self._units: deque[RequestInFlight] = deque()
        self._by_index: dict[int, RequestInFlight] = {}
        self._early: dict[int, list[tuple[str, Answer]]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._units)

    def launch(self, unit: RequestInFlight) -> list[tuple[str, Answer]]:
        """Take in a unit; return answers to it that are there already (a replay)."""
        self._by_index[unit.index] = unit
        self._units.append(unit)
        return self._early.pop(unit.index, [])

    def keep(self, server: str, answer: Answer) -> None:
        """Keep an answer to a step that the replay has not come to yet."""
        self._early.setdefault(answer.index, []).append((server, answer))

    def find(self, index: int) -> RequestInFlight | None:
        """Return the unit whose step this is."""
        return self._by_index.get(index)

    def land(self) -> Iterator[RequestInFlight]:
        """Let go of the first units, as far as they are done, and yield them."""
        while self._units and self._units[0].ok:
            unit = self._units.popleft()
            del self._by_index[unit.index]
            yield unit

    def answered(self) -> bool:
        """Every unit has all its answers; questions are asked again."""
        return all(unit.answered or unit.is_question for unit in self._units)

    @property
    def question(self) -> RequestInFlight | None:
        """The question that is asked now: it is the last one on its way."""
        last = self._units[-1] if self._units else None
        return last if last is not None and last.is_question else None

    def troubled(self) -> Iterator[tuple[RequestInFlight, Answer]]:
        """Yield units with an answer that is not ok, and that answer."""
        for unit in self._units:
            if (trouble := unit.trouble) is not None:
                yield unit, trouble

    def touched(self) -> list[RequestInFlight]:
        """Return the units that devices have begun with, once all are answered."""
        return [unit for unit in self._units if not unit.untouched]

    def drain(self) -> list[RequestInFlight]:
        """Let go of all; return those that are not done and may be tried again."""
        again = [u for u in self._units if not u.ok and u.lost <= MAX_LOST]
        for unit in again:
            unit.attempt -= unit.untouched
            trouble = unit.trouble
            if trouble is not None and trouble.outcome.status is AnswerStatus.LOST:
                unit.lost += 1
        self._units.clear()
        self._by_index.clear()
        return again

    def give_up(self) -> None:
        """Units in trouble are not to be tried again."""
        for unit, _ in self.troubled():
            unit.lost = MAX_LOST + 1
