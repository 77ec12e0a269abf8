"""Answers requests of people: remote calls, stop, edits of the device list."""
