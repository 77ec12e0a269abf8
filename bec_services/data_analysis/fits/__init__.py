"""Fits of lmfit models: when, of which signals, and the fit itself."""
