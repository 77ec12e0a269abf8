"""Checks a request and turns it into a scan's first entry, or refuses it."""
