"""Magics that show data of scans."""
