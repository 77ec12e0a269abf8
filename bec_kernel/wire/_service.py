"""Pure: services about themselves: heartbeats, alarms, processes, users."""

from typing import ClassVar

from bec_kernel.wire._base import VERSION, Message
from bec_kernel.wire._device_list import DeviceRule


class Heartbeat(Message, frozen=True, kw_only=True):
    """A service lives, and this is its state. Written by that service.

    Attributes:
        SILENT: age from which a heartbeat no longer counts, s.
        service: name of the process' role.
        pid: of the process.
        state: `starting`, `standby`, `running`, `stopping`.
        version: of the package.
        wire: of the wire.
        time: s since the epoch, wall clock.
        life: fencing token; 0 before it holds its lease.
        host: name of the machine.
    """

    SILENT: ClassVar[float] = 3.0

    service: str
    pid: int
    state: str
    version: str
    wire: str = VERSION
    time: float = 0.0
    life: int = 0
    host: str = ""


class Process(Message, frozen=True, kw_only=True):
    """A process as its launcher sees it. Written by the launcher.

    Attributes:
        name: of the service.
        pid: of the process.
        restarts: how often it was started again.
        reason: of the last restart: `exit -9`, `frozen`.
    """

    name: str
    pid: int
    restarts: int = 0
    reason: str = ""


class Alarm(Message, frozen=True, kw_only=True):
    """Something a person should know. Written by any service.

    Attributes:
        alarm_id: unique for ever.
        service: name of the service that raises it.
        severity: `warning`, `minor`, `major`.
        message: what is wrong, and what to do.
        time: s since the epoch, wall clock.
        scan_id: the scan it concerns.
        request_id: the request it concerns.
        user: whom it concerns.
    """

    alarm_id: str
    service: str
    severity: str
    message: str
    time: float
    scan_id: str = ""
    request_id: str = ""
    user: str = ""


class Users(Message, frozen=True, kw_only=True):
    """Names and roles of the persons that may ask. Written by the launcher.

    Attributes:
        names: each has an inbox at every service.
        device_servers: names of the device servers.
        virtual: the instance's devices run on a virtual clock.
        device_rules: which devices each device server holds; empty: one holds all.
        roles: by name: `operator` acts on everybody's items, `user` on their own;
            a user that is not named is an operator.
    """

    names: list[str]
    device_servers: list[str] = []
    virtual: bool = False
    device_rules: dict[str, DeviceRule] = {}
    roles: dict[str, str] = {}
