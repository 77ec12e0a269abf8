"""What a scan would do and how long it would take: dry runs and estimates."""
