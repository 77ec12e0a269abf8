"""Scans of the past, and how to find them."""
