"""One scan as a person holds it: state, data, tables, files, actions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
