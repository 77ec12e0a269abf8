"""Channel Access and threads. pyepics wants each thread to say which context it uses.

A thread that says nothing gets a context of its own at its first call, and does not see
the channels that were connected before.
"""

from epics import ca


def join_channel_access() -> None:
    """Let this thread use the process' context, if Channel Access is in use at all."""
    if ca.libca is not None and ca.current_context() is None:
        ca.use_initial_context()
