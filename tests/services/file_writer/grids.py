"""Scans on a grid, and the grid index of each of their points."""

from hypothesis import strategies as st

from bec_kernel.wire import Begin, ScanRequest
from bec_services.scan_server.program.scan import Bound
from bec_services.scan_server.scans import GridScan

STEPS = st.lists(st.integers(1, 5), min_size=2, max_size=4)


def grid_and_places(steps, burst=1, **options):
    """The grid as the writer sees it, and where the scan takes its points."""
    bundles = [[f"m{i}", -1.0 - i, 2.0 + i, n] for i, n in enumerate(steps)]
    defaults = {option.name: option.default for option in GridScan.all_options()}
    options = {**defaults, **options, "burst_at_each_point": burst}
    bound = Bound(bundles=bundles, options=options)
    begin = Begin(
        scan_id="s",
        user="ada",
        request=ScanRequest(request_id="s", name="grid_scan"),
        parameters={"bundles": bundles, **options},
        motors=[bundle[0] for bundle in bundles],
        shape=GridScan().shape(bound),
    )
    places = [at for at in GridScan().positions(bound) for _ in range(burst)]
    return begin, places
