"""Checks a request and turns it into a scan's first entry, or refuses it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
