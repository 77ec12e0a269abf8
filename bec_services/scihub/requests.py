"""Requests of users that need the BEC database."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bec_kernel.errors import DeadlineError
from bec_kernel.service import Request
from bec_kernel.wire import AnnotateScan, FindScans
from bec_kernel.wire.keys import ScihubAsk
from bec_services.scihub.database import answer_device_list, answer_history

if TYPE_CHECKING:
    from bec_services.scihub.database import Database


def answer(database: "Callable[[], Database]", request: Request[ScihubAsk]) -> Any:
    """Do one request for history or device lists; return the reply's value.

    Args:
        database: opens the database, or returns the open one.
        request: any message of `ScihubAsk`.

    Raises:
        RefusedError: it cannot be done.
        DeadlineError: the database does not answer.
    """
    from bec_services.scihub.database import DatabaseError  # takes a second

    ask, user = request.message, request.user
    try:
        if isinstance(ask, FindScans | AnnotateScan):
            return answer_history(database(), user, ask)
        return answer_device_list(database(), user, ask)
    except DatabaseError as error:
        raise DeadlineError(
            f"the database does not answer: {error}", subject="database"
        ) from error
