"""File writer service: writes one NeXus file per scan, readable while it grows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
