"""Points that are only in the file, because they have left the bus."""
