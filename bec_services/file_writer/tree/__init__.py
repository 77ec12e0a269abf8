"""Pure: the groups, datasets and links of a scan's file, as data."""
