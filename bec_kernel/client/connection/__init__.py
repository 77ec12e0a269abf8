"""The client's connection: one reader thread, a cache of scans, errors, health."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
