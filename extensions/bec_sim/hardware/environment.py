"""How a Channel Access client and our IOC find each other, on loopback only."""

import os
from collections.abc import Mapping

_HOST = "127.0.0.1"


def ca_environment(port: int) -> dict[str, str]:
    """What our IOC's process has in its environment.

    Args:
        port: Where it answers searches (UDP) and connections (TCP). Beacons go to the
            repeater on the next port.
    """
    return {
        "EPICS_CA_ADDR_LIST": f"{_HOST}:{port}",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CA_REPEATER_PORT": str(port + 1),
        "EPICS_CAS_SERVER_PORT": str(port),
        "EPICS_CAS_INTF_ADDR_LIST": _HOST,
        "EPICS_CAS_BEACON_ADDR_LIST": _HOST,
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "EPICS_CAS_BEACON_PORT": str(port + 1),
    }


def client_environment(
    port: int, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a client adds to its environment to find our IOC, too.

    A person's own EPICS settings stay: our address is only added to theirs. Without
    any, nothing is searched for outside this machine.

    Args:
        port: Of our IOC.
        environ: The client's environment; by default this process'.
    """
    theirs = os.environ if environ is None else environ
    addresses = theirs.get("EPICS_CA_ADDR_LIST", "").split()
    ours = f"{_HOST}:{port}"
    added = {"EPICS_CA_ADDR_LIST": " ".join([*addresses, ours])}
    if ours in addresses:
        added["EPICS_CA_ADDR_LIST"] = " ".join(addresses)
    if not any(name.startswith("EPICS_CA_") for name in theirs):
        added["EPICS_CA_AUTO_ADDR_LIST"] = "NO"
        added["EPICS_CA_REPEATER_PORT"] = str(port + 1)
    return added
