"""Runs the service `scihub`. What it is told: `Setup`."""

from bec_kernel.service import serve
from bec_services.scihub.service import run


def main() -> None:
    """Serve until told to stop."""
    serve("scihub", run)


if __name__ == "__main__":
    main()
