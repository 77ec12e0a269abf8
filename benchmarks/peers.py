"""Bluesky's RunEngine, in this process, on the devices of `ophyd.sim`."""

import time


def run_engine(points: int) -> tuple[float, float]:
    """Return the seconds of a step scan of `points` points, and of a one-point scan."""
    from bluesky import RunEngine
    from bluesky.plans import count, scan
    from ophyd.sim import SynAxis, SynGauss

    motor = SynAxis(name="motor")
    det = SynGauss("det", motor, "motor", center=0, Imax=1000, sigma=1, noise="none")
    engine = RunEngine({})
    begun = time.perf_counter()
    engine(scan([det], motor, -5, 5, points))
    scanned = time.perf_counter()
    engine(count([det], 1))
    return scanned - begun, time.perf_counter() - scanned
