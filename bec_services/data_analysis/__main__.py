"""Run the service `data_analysis`; its environment is read by `Setup`."""

from bec_kernel.service import serve
from bec_services.data_analysis.service import run


def main() -> None:
    """Serve until a signal to stop."""
    serve("data_analysis", run)


if __name__ == "__main__":
    main()
