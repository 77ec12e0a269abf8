"""The client's connection: one reader thread, a cache of scans, errors, health."""
