"""The example beamline: what a site adds to BEC."""
