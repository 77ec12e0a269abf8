"""Runs the service `file_writer`. What it is told: `Setup`."""

from bec_kernel.service import Life, serve
from bec_services.file_writer import serving
from bec_services.file_writer.shell import run


def main() -> None:
    """Serve until told to stop."""
    serve("file_writer", _both)


def _both(life: Life) -> None:
    """Write files, and serve those that are finished, in threads of one life."""
    life.spawn(serving.run, life)
    run(life)


if __name__ == "__main__":
    main()
