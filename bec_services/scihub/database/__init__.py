"""The BEC database: scans, remarks and named device lists."""
