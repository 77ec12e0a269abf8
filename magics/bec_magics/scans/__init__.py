"""Magics that run and queue scans."""
