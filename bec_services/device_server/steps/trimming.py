"""Lets this server's first answers of a long scan leave the bus; a digest stays.

Their readings are in the scan's points. What a program needs that is run again after a
crash is little: that a step was done, and when.
"""

from collections.abc import Collection, Sequence

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Append, Change, Id, Trim
from bec_kernel.instance import points_kept
from bec_kernel.service import Life
from bec_kernel.wire import Answer, AnswerStatus, Digest, Step, keys

_SHARE = 100  # of what stays goes at once: the next step waits meanwhile
_PAGE = 1000


class Digesting:
    """The answers of one device server to one scan.

    Args:
        life: of the server.
        scan_id: of the scan.
    """

    def __init__(self, life: Life, scan_id: str) -> None:
        self._life = life
        self._answers = keys.answers(scan_id, life.setup.name)
        self._digests = keys.digests(scan_id, life.setup.name)
        self._points = keys.points(scan_id)
        self._keep = points_kept(life.setup.data)
        self._step = max(1, self._keep // _SHARE)
        self._due = self._keep + self._step
        self._used: set[int] = set()

    def first(self) -> float | None:
        """Return when the first step ended, s since the epoch; None: none did."""
        if digests := self._life.bus.read(self._digests, START, 1):
            return digests[0].message.ends[0]
        answers = self._life.bus.read(self._answers, START, 1)
        return answers[0].message.outcome.end if answers else None

    def passed(self, step: Step) -> None:
        """Know a step of the scan, in every life: its answer may be used."""
        if step.request.answer:
            self._used.add(step.index)

    def answered(self, index: int) -> None:
        """A step was answered; now and then much goes, in a short scan nothing."""
        if index < self._due:
            return
        self._due = index + self._step
        upto = min(index - self._keep, self._bundled())
        while page := self._life.bus.read(self._answers, START, _PAGE):
            some = [entry for entry in page if entry.id.index < upto]
            if not self._digest(some) or len(some) < len(page):
                return

    def _bundled(self) -> int:
        """Return up to which step all answers are in points: the bundler is behind."""
        last = self._life.bus.last(self._points)
        return last.message.index if last else 0

    def _digest(self, entries: list[Entry[Answer]]) -> bool:
        """Let some answers go; False: there is none that could."""
        answers = [one.message for one in entries if one.message.is_final]
        if not answers:
            return False
        made = digest(answers, self._used)
        changes: list[Change] = [
            Append(self._digests, made, Id.of(made.index)),
            Trim(self._answers, Id.of(made.index + 1)),
        ]
        self._life.bus.commit(changes, self._life.fence)
        return True


def digest(answers: Sequence[Answer], used: Collection[int]) -> Digest:
    """Summarize answers that leave the bus.

    Args:
        answers: at least one, each to a whole step, in order.
        used: indices of steps whose answers the program needs.
    """
    return Digest(
        index=answers[-1].index,
        indices=[answer.index for answer in answers],
        ends=[answer.outcome.end for answer in answers],
        kept=[one for one in answers if not _is_plain(one) or one.index in used],
    )


def _is_plain(answer: Answer) -> bool:
    return answer.outcome.status is AnswerStatus.OK and answer.outcome.value is None
