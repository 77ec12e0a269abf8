"""Runs the service `file_writer`. What it is told: `Setup`."""

from bec_kernel.service import serve
from bec_services.file_writer.shell import run


def main() -> None:
    """Serve until told to stop."""
    serve("file_writer", run)


if __name__ == "__main__":
    main()
