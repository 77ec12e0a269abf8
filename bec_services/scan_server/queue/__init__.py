"""Which item begins next, what people do to items, and rules that suspend a queue."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
