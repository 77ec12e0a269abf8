"""The scan bundler: whole points out of the answers of device servers."""
