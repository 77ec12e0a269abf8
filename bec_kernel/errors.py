"""What can go wrong: one family. The docstring says when, the text names it."""


class BecError(Exception):
    """Anything this package raises on purpose.

    Attributes:
        subject: the device, parameter, scan or option it is about.
        value: what was asked for, as text.
        allowed: what would have been accepted, as text.
    """

    def __init__(
        self, message: str, *, subject: str = "", value: str = "", allowed: str = ""
    ) -> None:
        super().__init__(message)
        self.subject = subject
        self.value = value
        self.allowed = allowed


class TransitionError(BecError):
    """A state cannot follow from the one before."""


class DecodeError(BecError):
    """Bytes are no message of the key they were found under."""


class BrokerError(BecError):
    """The broker cannot be reached, or went away."""


class FencedError(BecError):
    """Somebody else holds this role now: this process must stop writing."""


class ConflictError(BecError):
    """Another message stands where ours should go: a second writer."""


class RefusedError(BecError):
    """A request was refused; nothing was changed."""


class DeviceError(BecError):
    """A device could not do what it was asked to do."""


class InUseError(DeviceError):
    """A scan or a move holds the device."""


class DeadlineError(BecError):
    """Something did not come in time."""


class ScanAborted(BecError):  # noqa: N818 - what happened, not an error of the caller
    """The scan one waited for ended before its last point."""


class InstanceError(BecError):
    """No instance, several instances, or one that is in the way."""
