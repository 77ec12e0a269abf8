"""What calls have done to devices, written down with before and after."""

import time
from typing import Any

from bec_kernel.bus.changes import Append, Change
from bec_kernel.service import Life
from bec_kernel.wire import Call, Called, Problem, keys

_KEEP = 10_000
_PLAIN = (bool, int, float, str)


class CallRecord:
    """One call's line in the journal; none where it did not begin.

    Attributes:
        user: the user that calls.
    """

    def __init__(self, life: Life, user: str, call: Call) -> None:
        self.user = user
        self._life = life
        self._call = call
        self._began = 0.0
        self._before: dict[str, Any] = {}

    def begin(self) -> None:
        """Note how the device is now: the call changes it, perhaps."""
        self._before = self._now()
        self._began = time.time()

    def ended(self, problem: Problem | None) -> list[Change]:
        """List the changes that record a call and its effect."""
        if not self._began:
            return []
        call = self._call
        one = Called(
            request_id=call.request_id,
            user=self.user,
            device=call.device,
            method=call.method,
            args=call.args,
            kwargs=call.kwargs,
            time=self._began,
            took=time.time() - self._began,
            before=self._before,
            after=self._now(),
            problem=problem.message if problem else "",
        )
        return [Append(keys.calls(self._life.setup.name), one, keep=_KEEP)]

    def _now(self) -> dict[str, Any]:
        """Return the device's newest numbers, texts and flags."""
        told = self._life.bus.get(keys.values(self._life.setup.name), self._call.device)
        readings = told.readings if told else {}
        return {n: r.value for n, r in readings.items() if isinstance(r.value, _PLAIN)}
