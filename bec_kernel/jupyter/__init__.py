"""The Jupyter kernel `bec`, and JupyterLab as `bec lab` runs it."""
