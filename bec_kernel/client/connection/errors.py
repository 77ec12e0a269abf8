"""Pure: convert problems in replies to exceptions."""

from bec_kernel import errors
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.wire import Problem


def error_of(problem: Problem) -> BecError:
    """Build the exception of a problem; its kind names the class."""
    kind = getattr(errors, problem.kind, RefusedError)
    if not (isinstance(kind, type) and issubclass(kind, BecError)):
        kind = RefusedError
    return kind(
        problem.message,
        subject=problem.subject,
        value=problem.value,
        allowed=problem.allowed,
    )
