"""Log lines of a service: JSON, one a line, in the instance's folder."""

import logging
from pathlib import Path
from typing import Any

import structlog

_MAX = 20_000_000  # bytes a file, before it is turned over
_FILES = 3


def open_journal(data: Path, role: str, name: str = "main") -> Any:
    """Return a logger that writes to `<data>/logs/<role>[.<name>].jsonl`.

    Raises:
        OSError: the folder cannot be written.
    """
    from logging.handlers import RotatingFileHandler

    folder = data / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    label = role if name == "main" else f"{role}.{name}"
    handler = RotatingFileHandler(
        folder / f"{label}.jsonl", maxBytes=_MAX, backupCount=_FILES
    )
    root = logging.getLogger("bec")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    root.propagate = False
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger("bec").bind(service=label)
