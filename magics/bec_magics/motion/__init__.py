"""Magics that move devices."""
