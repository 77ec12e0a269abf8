from .move import MoveMagics as MoveMagics, moved as moved
