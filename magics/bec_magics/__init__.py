"""Magics of the beamline: `%load_ext bec_magics` in any IPython."""

from bec_magics.extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
