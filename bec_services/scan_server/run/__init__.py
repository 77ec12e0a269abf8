"""Runs one scan as a durable program over its step log."""
