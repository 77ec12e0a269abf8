"""Where an instance is: its folder, settings, secrets and broker."""
