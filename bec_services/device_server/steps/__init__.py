"""Executes the steps of scans: gate, actions, outcomes."""
