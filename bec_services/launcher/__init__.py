"""Starts and supervises an instance: broker, six services, simulated hardware."""
