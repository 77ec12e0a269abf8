"""The scan card: live state, feed, picture and text of a scan."""
