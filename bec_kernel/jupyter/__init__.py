"""The Jupyter kernel `bec`, and JupyterLab as `bec lab` runs it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
