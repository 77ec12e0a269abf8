"""Builds devices and adapts ophyd objects: connection, signals, status, threads."""
