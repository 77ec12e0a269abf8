"""What all services share: lives under a lease, requests, alarms, log lines."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
