"""Simulated devices that move or drift: motors, pseudo axes, the storage ring."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
