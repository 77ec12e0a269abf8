"""Device lists as people write them: read, checked, shared out, kept as versions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
