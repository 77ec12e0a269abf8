"""Run the service `scan_bundler`; its settings are in `Setup`."""

from bec_kernel.service import serve
from bec_services.scan_bundler.service import run


def main() -> None:
    """Serve until it is stopped."""
    serve("scan_bundler", run)


if __name__ == "__main__":
    main()
