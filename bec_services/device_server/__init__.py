"""Builds the beamline's devices and does with them what a step says."""
