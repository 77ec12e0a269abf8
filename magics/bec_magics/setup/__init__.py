"""Magics and names that choose and start an instance."""
