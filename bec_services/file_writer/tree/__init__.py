"""Pure: the groups, datasets and links of a scan's file, as data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
