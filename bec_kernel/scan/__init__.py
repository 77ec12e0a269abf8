"""Facts about one scan that services and clients share: devices, files, grid, times."""
