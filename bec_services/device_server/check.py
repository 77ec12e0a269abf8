"""`python -m bec_services.device_server.check FILE…`: a device list, without hardware.

Each class is looked up and each key of `deviceConfig` held against it; simulated
devices are made for a moment. Nothing is connected.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bec_kernel.device_list import DeviceList, in_order, read_list
from bec_kernel.errors import BecError
from bec_services.device_server.clock import VirtualClock
from bec_services.device_server.devices import (
    DeviceAdapter,
    capabilities_of,
    construct,
    destroy,
    disabled_needs,
    plan,
)
from bec_services.device_server.state import DeviceState


def problems(devices: DeviceList) -> Iterator[str]:
    """Yield what is wrong with devices, one line each."""
    objects: dict[str, Any] = {}
    given = {"clock": VirtualClock(), "state": DeviceState(), "devices": objects}
    for name in in_order(devices):
        one = DeviceAdapter(name, devices[name])
        try:
            _try(one, given)
        except BecError as error:
            yield str(error)
        objects[name] = one.device
    for device in objects.values():
        destroy(device)


def _try(one: DeviceAdapter, given: Mapping[str, Any]) -> None:
    made = plan(one.name, one.spec, given)
    if capabilities_of(made.kind).always_connected:
        construct(one, made)
        one.look()
        if one.problem is not None:
            raise BecError(one.problem.message)


def main(paths: list[str]) -> int:
    """Print what is wrong with the device lists in files; return how it went."""
    try:
        listed = read_list(*map(Path, paths))
    except BecError as error:
        sys.stderr.write(f"bec: {error}\n")
        return 1
    wrong = list(problems(listed.devices))
    for line in [*listed.notes, *disabled_needs(listed.devices), *wrong]:
        sys.stdout.write(f"{line}\n")
    devices = _counted(len(listed.devices), "device")
    if wrong:
        sys.stderr.write(f"bec: {devices}, {_counted(len(wrong), 'problem')}\n")
    else:
        sys.stdout.write(f"{devices}, no problem\n")
    return 1 if wrong else 0


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
