"""Scans as functions, interactive scans, several as one, dry runs."""
