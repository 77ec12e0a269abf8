"""Processes that play hardware: a Channel Access IOC and a TCP controller."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
