"""The SciHub connector: delivers scans to the BEC database."""
