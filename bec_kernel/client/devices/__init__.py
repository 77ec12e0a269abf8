"""Devices and the device list in a person's program."""
