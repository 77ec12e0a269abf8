"""What a person holds of a scan: wait for it, look at its data, stop it."""

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader, ScanCache
from bec_kernel.client.scan.data import ScanData
from bec_kernel.client.scan.first_points import PAGE
from bec_kernel.errors import (
    BecError,
    DeadlineError,
    DeviceError,
    RefusedError,
    ScanAborted,
)
from bec_kernel.language import ending, headline, main_signal, place
from bec_kernel.wire import (
    ItemState,
    Point,
    ScanRequest,
    ScanState,
    SignalDescription,
    Verb,
    keys,
)

STOPPING = 10.0
"""An interrupted scan may take so long (s) to end before one is told."""
SEALING = 30.0
"""After a scan has ended its last points may take so long, s."""
SILENCE = 30.0
"""A scan server silent for so long (s) is not waited for any more."""
Act = Callable[..., None]
"""Sends a wish for an item: verb, scan id, and a timeout (s) that, where it is 0, does
not wait for the reply."""


class ScanReport(ScanData):
    """One scan or move, live or from the past: wait for it, look at it, stop it."""

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        act: Act,
        scan_id: str,
        *,
        request: ScanRequest | None = None,
        number: int | None = None,
    ) -> None:
        super().__init__(bus, reader, scan_id, request=request, number=number)
        self._act = act
        self._errors: list[BaseException] = []

    # --- waiting ----------------------------------------------------------------------
    def wait(self, timeout: float | None = None) -> "ScanReport":
        """Wait until it has ended and all its points are here; return the report.

        An interrupt (Ctrl-C) aborts the scan; a second one halts it.

        Args:
            timeout: s; None: as long as it takes.

        Raises:
            ScanAborted: it ended before its last point, by whomever.
            DeviceError: a move failed.
            DeadlineError: it has not ended within `timeout`; it goes on.
        """
        track = self._track()
        if self.past is not None:  # it ended long ago
            return self
        try:
            self._wait_end(track, timeout)
        except KeyboardInterrupt:
            self._interrupted(track)
        for error in self._errors[:1]:
            warnings.warn(
                f"a callback of {self._title} failed: {error!r}", stacklevel=2
            )
        self._raise_if_ended_early(track)
        return self

    def _wait_end(self, track: ScanCache, timeout: float | None) -> None:
        self._wait_long(lambda: track.is_final, f"the end of {self._title}", timeout)
        self._wait_whole(lambda: track.is_whole, f"the last points of {self._title}")

    def _wait_whole(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for what the bundler has to do behind the end of a scan."""
        try:
            self._reader.wait_for(ready, what, SEALING)
        except DeadlineError as error:
            if why := self._lacking("scan_bundler"):
                raise DeadlineError(f"{error}: {why}", subject=self.scan_id) from None
            raise

    def _wait_long(
        self, ready: Callable[[], bool], what: str, timeout: float | None
    ) -> None:
        """Wait; without a `timeout` as long as the scan server is alive."""
        if timeout is not None:
            self._reader.wait_for(ready, what, timeout)
            return
        while True:
            try:
                self._reader.wait_for(ready, what, SILENCE)
            except DeadlineError:
                self._reader.retry(lambda: self._check_alive(what))
            else:
                return

    def _check_alive(self, what: str) -> None:
        """Return if all that must act for the scan to go on gave a sign of life.

        Raises:
            DeadlineError: one of them did not, for a long time.
        """
        servers = self._begin.device_servers if self._begin else ["main"]
        needed = [("scan_server", "main"), *(("device_server", s) for s in servers)]
        for role, name in needed:
            last = self._bus.get(keys.heartbeats[role](name))
            if last and time.time() - last.time > SILENCE:
                raise DeadlineError(
                    f"the {role.replace('_', ' ')} has been silent for {SILENCE:g} s "
                    f"while waiting for {what}; see: bec status",
                    subject=self.scan_id,
                )

    def _interrupted(self, track: ScanCache) -> None:
        """Abort, wait for the end, and raise; halt when interrupted again."""
        left = ""
        try:
            with contextlib.suppress(RefusedError):  # it has ended by itself
                self._act(Verb.ABORT, self.scan_id, STOPPING)
            self._wait_end(track, STOPPING)
        except KeyboardInterrupt:
            self._act(Verb.HALT, self.scan_id, 0.0)
        except BecError as error:
            left = "" if track.is_final else f"; it may still run: {error}"
        if track.is_final and self._ended_well(track):
            raise KeyboardInterrupt
        at = f" at point {track.count}" if not self._is_move else ""
        raise ScanAborted(
            f"{self._title} stopped: interrupted{at}{left}", subject=self.scan_id
        ) from None

    def _ended_well(self, track: ScanCache) -> bool:
        if track.item is not None:
            return track.item.state is ItemState.COMPLETED
        return track.states[-1].state is ScanState.CLOSED

    def _raise_if_ended_early(self, track: ScanCache) -> None:
        if self._ended_well(track):
            return
        reason = f": {self.reason}" if self.reason else ""
        said = f"{self._title} {self.status}{reason}"
        if self._is_move and self.status is ItemState.FAILED:
            raise DeviceError(said, subject=self.scan_id)
        at = f" (after {track.count} points)" if track.points else ""
        raise ScanAborted(said + at, subject=self.scan_id)

    def watch(self, seen: int, timeout: float) -> int:
        """Wait at most `timeout` s until more is known than at `seen`.

        Returns:
            What to give as `seen` next time; 0 to begin with.
        """
        track = self._track()
        with self._reader.changed:
            self._reader.changed.wait_for(lambda: track.version > seen, timeout)
            return track.version

    def points(self, timeout: float | None = None) -> Iterator[Point]:
        """Yield each whole point once, in order, as they come, until the scan ends.

        An interrupt while it waits aborts the scan.

        Args:
            timeout: s, for each point; None: as long as it takes.

        Raises:
            ScanAborted: it was interrupted here.
            DeadlineError: `timeout` is over; or the first points are only in the file,
                and nobody reads it.
        """
        track = self._track()
        if self.past is not None:
            yield from self._points()
            return
        at = 0
        while True:
            try:
                self._wait_point(track, at, timeout)
            except KeyboardInterrupt:
                self._interrupted(track)
            with self._reader.changed:
                first = track.first
                points = track.points[max(0, at - first) : at - first + 1]
            if at < first:  # they left the bus before they were read
                points = self._first_points.read(at, min(at + PAGE, first))
                points = self._newest(points)
            if not points:
                return
            yield from points
            at += len(points)

    def _wait_point(self, track: ScanCache, at: int, timeout: float | None) -> None:
        if at < track.count:
            return
        what = f"point {at} of {self._title}"
        self._wait_long(
            lambda: at < track.count or track.is_final,
            what,
            timeout,
        )
        self._wait_whole(lambda: at < track.count or track.is_whole, what)

    def on_point(self, call: Callable[[Point], object]) -> "ScanReport":
        """Call `call` with each point, in a thread of its own; return the report.

        What it raises ends the calls, and is told by `wait` as a warning.
        """

        def run() -> None:
            try:
                for point in self.points():
                    call(point)
            except Exception as error:  # noqa: BLE001 - told by wait()
                self._errors.append(error)

        name = f"bec callback {self.scan_id[:8]}"
        threading.Thread(target=run, name=name, daemon=True).start()
        return self

    # --- acting -----------------------------------------------------------------------
    def abort(self) -> None:
        """Stop it, clean up, close its file as aborted."""
        self._wish(Verb.ABORT)

    def pause(self, *, now: bool = False) -> None:
        """Pause it behind the point it takes; `now`: stop motion, repeat the point."""
        verb = Verb.PAUSE_NOW if now else Verb.PAUSE
        self._wish(verb)

    def resume(self) -> None:
        """Go on after a pause."""
        self._wish(Verb.RESUME)

    def complete(self) -> None:
        """End it well: its points are enough; its file is closed as complete."""
        self._wish(Verb.COMPLETE)

    def rewind(self, point: int, *, reason: str = "") -> None:
        """Go back: `point` and all behind it are taken again, as a new attempt.

        What was taken before stays on the bus; table, fit and file show what was taken
        last, and mark it. A scan that is paused stays so.

        Args:
            point: a `point_id` that was taken.
            reason: why; others see it.

        Raises:
            RefusedError: it was not, or it cannot be taken again: the scan has ended.
        """
        taken = self.count
        if not isinstance(point, Integral) or not 0 <= point < taken:
            raise RefusedError(
                f"{self._title} has taken {taken} points: it cannot go back to {point}",
                subject="point",
                value=str(point),
                allowed=f"0 to {taken - 1}" if taken else "none",
            )
        self._wish(Verb.REWIND, point=int(point), reason=reason)

    def halt(self) -> None:
        """Stop it at once, without cleaning up."""
        self._wish(Verb.HALT)

    def _wish(self, verb: Verb, **more: Any) -> None:
        """Ask for something; of a scan that has ended say how, and not its id."""
        try:
            self._act(verb, self.scan_id, STOPPING, **more)
        except RefusedError as error:
            if error.subject != self.scan_id or not self.is_final:
                raise
            raise RefusedError(
                f"nothing to {verb}: {self._title} has ended: "
                f"{ending(str(self.status), self.reason, self.count)}",
                subject=self.scan_id,
            ) from None

    # --- text -------------------------------------------------------------------------
    def __repr__(self) -> str:
        shown = headline(self.request, self.scan_number)
        if self._is_move:
            return self._moved(shown)
        return f"{shown}: {ending(str(self.status), self.reason, self.count)}"

    def _moved(self, shown: str) -> str:
        """Return where the motors of a move have come to: `samx at 1 mm`."""
        after = self.after
        signals = self._reader.retry(lambda: {n: self._main_signal(n) for n in after})
        arrived = ", ".join(
            f"{name} at {place(at, signals[name])}" for name, at in after.items()
        )
        if self.status is ItemState.COMPLETED and arrived:
            return arrived
        return f"{shown}: {self.status}{f', {arrived}' if arrived else ''}"

    def _main_signal(self, name: str) -> SignalDescription | None:
        """Return what is published of a motor's own signal."""
        users = self._bus.get(keys.users())
        for server in (users.device_servers if users else []) or ["main"]:
            device = self._bus.get(keys.devices(server), name)
            if device is not None:
                return main_signal(device)
        return None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))
