"""The file writer: one NeXus file a scan, readable while it grows."""
