"""Device classes that a site can name in its list: pseudo axes, EPICS, TCP."""
