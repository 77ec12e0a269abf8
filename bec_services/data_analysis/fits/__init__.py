"""Fits of lmfit models: when, of which signals, and the fit itself."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
