"""Run the service `scihub`; its environment is read by `Setup`."""

from bec_kernel.service import serve
from bec_services.scihub.service import run


def main() -> None:
    """Serve until a signal to stop."""
    serve("scihub", run)


if __name__ == "__main__":
    main()
