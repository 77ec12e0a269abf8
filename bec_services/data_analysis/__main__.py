"""Runs the service `data_analysis`. What it is told: `Setup`."""

from bec_kernel.service import serve
from bec_services.data_analysis.service import run


def main() -> None:
    """Serve until told to stop."""
    serve("data_analysis", run)


if __name__ == "__main__":
    main()
