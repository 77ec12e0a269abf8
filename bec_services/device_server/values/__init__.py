"""Publishes readings, progress, presence and asynchronous samples."""
