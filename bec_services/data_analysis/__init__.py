"""The data analysis: fits while a scan runs."""
