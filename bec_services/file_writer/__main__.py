"""Run the service `file_writer`; its settings come as `Setup`."""

from bec_kernel.service import Life, serve
from bec_services.file_writer import requests
from bec_services.file_writer.service import run


def main() -> None:
    """Serve until the process is asked to stop."""
    serve("file_writer", _both)


def _both(life: Life) -> None:
    """Write files and serve parts of them, in two threads of one life."""
    opened: requests.Opened = {}
    life.spawn(requests.run, life, opened)
    run(life, opened)


if __name__ == "__main__":
    main()
