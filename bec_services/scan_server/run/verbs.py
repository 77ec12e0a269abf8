"""What a decision means: how hard it stops what is under way, and how the scan ends."""

from bec_kernel.wire import ScanState, Verb

SEVERITY = {
    Verb.PAUSE: 1,
    Verb.COMPLETE: 1,
    Verb.REWIND: 1,
    Verb.PAUSE_NOW: 2,
    Verb.ABORT: 2,
    Verb.FAIL: 2,
    Verb.DIVERGED: 2,
    Verb.ABANDONED: 2,
    Verb.HALT: 3,
}
"""1: no new step, 2: stop motion too, 3: nothing is cleaned up."""

OUTCOME = {
    Verb.COMPLETE: (ScanState.CLOSED, "user_completed"),
    Verb.ABORT: (ScanState.ABORTED, "user"),
    Verb.FAIL: (ScanState.ABORTED, "alarm"),
    Verb.ABANDONED: (ScanState.INTERRUPTED, "lost"),
    Verb.DIVERGED: (ScanState.INTERRUPTED, "changed_program"),
    Verb.HALT: (ScanState.HALTED, "user"),
}
"""Final state and reason of a scan that was ended by it."""
