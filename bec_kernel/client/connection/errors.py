"""What a service says is wrong, as the exception it stands for."""

from bec_kernel import errors
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.wire import Problem


def error_of(problem: Problem) -> BecError:
    """Return the exception a problem stands for: the class named by its kind."""
    kind = getattr(errors, problem.kind, RefusedError)
    if not (isinstance(kind, type) and issubclass(kind, BecError)):
        kind = RefusedError
    return kind(
        problem.message,
        subject=problem.subject,
        value=problem.value,
        allowed=problem.allowed,
    )
