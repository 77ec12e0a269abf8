"""Runs the service `scan_bundler`. What it is told: `Setup`."""

from bec_kernel.service import serve
from bec_services.scan_bundler.service import run


def main() -> None:
    """Serve until told to stop."""
    serve("scan_bundler", run)


if __name__ == "__main__":
    main()
