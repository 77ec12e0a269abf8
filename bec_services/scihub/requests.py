"""What persons ask of the BEC database."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bec_kernel.errors import DeadlineError
from bec_kernel.wire import AnnotateScan, FindScans
from bec_kernel.wire.keys import ScihubAsk
from bec_services.scihub.database import answer_device_list, answer_history

if TYPE_CHECKING:
    from bec_services.scihub.database import Database


def do(database: "Callable[[], Database]", user: str, ask: ScihubAsk) -> Any:
    """Do what `user` asks; return the answer.

    Args:
        database: opens it.
        user: from the key the ask was written to.
        ask: any of `ScihubAsk`.

    Raises:
        RefusedError: it cannot be done.
        DeadlineError: the database does not answer.
    """
    from bec_services.scihub.database import DatabaseError  # takes a second

    try:
        if isinstance(ask, FindScans | AnnotateScan):
            return answer_history(database(), user, ask)
        return answer_device_list(database(), user, ask)
    except DatabaseError as error:
        raise DeadlineError(
            f"the database does not answer: {error}", subject="database"
        ) from error
