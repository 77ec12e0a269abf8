"""Pure: Motors together through lists of positions."""

from collections.abc import Iterator

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter
from bec_services.scan_server.program import MOTOR, RELATIVE, Bound, Position, Scan


class ListScan(Scan):
    """Move one or more motors together through lists of positions; read at each."""

    name = "list_scan"
    bundle = (
        MOTOR,
        Parameter(
            name="positions",
            kind="number_list",
            unit="motor",
            required=True,
            doc="one after the other",
        ),
    )
    bundles = (1, 0)
    options = (RELATIVE,)
    example = "list_scan samx [0,1,3] samy [0,2,1] --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the lists' positions side by side.

        Raises:
            RefusedError: the lists are not of one length.
        """
        lengths = {motor: len(listed) for motor, listed in bound.bundles}
        if len(set(lengths.values())) != 1:
            told = ", ".join(f"{motor} has {n}" for motor, n in lengths.items())
            raise RefusedError(f"the lists of positions differ in length: {told}")
        for row in zip(*(listed for _, listed in bound.bundles), strict=True):
            yield dict(zip(bound.motors, row, strict=True))
