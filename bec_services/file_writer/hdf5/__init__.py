"""The file on disk: HDF5 objects, templates, names, slices."""
