"""Processes that play hardware."""
