"""Pure: all keys, with the messages under each and the roles that write it.

All names get the instance's prefix `{<instance>}:` from the bus. `ask/` is written by
one user, `pub/` is read by everyone, `svc/` by services only.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from bec_kernel.wire._data import FileDone, Fit, PointEntry, ReadFile, Written
from bec_kernel.wire._device import Call, Called, Device, DeviceValue, StopDevices
from bec_kernel.wire._device_list import (
    DeviceListVersion,
    DeviceProgress,
    EditDevices,
    FetchDeviceList,
    ListDeviceLists,
    SaveDeviceList,
)
from bec_kernel.wire._forecast import DryRun, Learned
from bec_kernel.wire._kinds import ROLES, SERVICES, Inboxes, Latests, Log, Logs
from bec_kernel.wire._past import AnnotateScan, Expiring, FindScans
from bec_kernel.wire._queue import (
    Item,
    ItemAction,
    MetadataSchema,
    QueueAction,
    QueueStatus,
    Reply,
    Signature,
    StateChange,
    Suspender,
    SuspenderAction,
    Taken,
)
from bec_kernel.wire._scan import (
    Answer,
    Control,
    Digest,
    DriverRequest,
    DriveScan,
    ScanRequest,
    StepEntry,
    Stop,
    Thinned,
)
from bec_kernel.wire._service import Alarm, Heartbeat, Process, Users
from bec_kernel.wire._stream import (
    AlignedEntry,
    DeviceFile,
    Preview,
    Progress,
    StreamEntry,
    StreamRead,
)

# --- what a person may ask -----------------------------------------------------------
ScanAsk = ScanRequest | ItemAction | QueueAction | SuspenderAction | DriveScan | DryRun
scan_asks: Inboxes[ScanAsk, Reply] = Inboxes("{}", ScanAsk, Reply, "scan_server")
"""(user) To the scan server: run this, act on that, do this next, say what would be."""
device_asks: Inboxes[Call | StopDevices | EditDevices, Reply] = Inboxes(
    "{}/{}", Call | StopDevices | EditDevices, Reply, "device_server"
)
"""(device server, user) To one device server: call, stop, change the device list."""
ScihubAsk = (
    SaveDeviceList | FetchDeviceList | ListDeviceLists | FindScans | AnnotateScan
)
scihub_asks: Inboxes[ScihubAsk, Reply] = Inboxes("{}", ScihubAsk, Reply, "scihub")
"""(user) To SciHub: keep a device list, give it back; find scans, remark on them."""
file_asks: Inboxes[ReadFile, Reply] = Inboxes("{}", ReadFile, Reply, "file_writer")
"""(user) To the file writer: read a part of a finished file."""

# --- the scan server -----------------------------------------------------------------
catalogue: Latests[Signature] = Latests(
    "pub/scan_server/catalogue", Signature, "scan_server", fields=True
)
"""Scans one can ask for, by name."""
metadata: Latests[MetadataSchema] = Latests(
    "pub/scan_server/metadata", MetadataSchema, "scan_server", fields=True
)
"""Rules of the site for the metadata of scans, by the name of the package."""
items: Latests[Item] = Latests(
    "pub/scan_server/items", Item, "scan_server", fields=True
)
"""Items that have not ended, by scan id."""
items_done: Logs[Item] = Logs("pub/scan_server/items_done", Item, "scan_server")
"""Items that have ended, in the order they did."""
queues: Latests[QueueStatus] = Latests(
    "pub/scan_server/queues", QueueStatus, "scan_server", fields=True
)
"""Queues by name: the primary one, and those that have items or are held up."""
suspenders: Latests[Suspender] = Latests(
    "pub/scan_server/suspenders", Suspender, "scan_server", fields=True
)
"""Rules queues run under, by `<queue>.<name>`."""
scans: Logs[Taken] = Logs("pub/scan_server/scans", Taken, "scan_server")
"""Items that have begun; the id `<scan number>-<k>` is given once."""
learned: Latests[Learned] = Latests(
    "pub/scan_server/learned", Learned, "scan_server", fields=True
)
"""Dead times, by a short name of the devices; limited in number."""

# --- one scan ------------------------------------------------------------------------
steps: Logs[StepEntry] = Logs("pub/scan/{}/steps", StepEntry, "scan_server")
"""(scan id) The step log: everything that decides what comes next."""
thinned: Logs[Thinned] = Logs("svc/scan/{}/thinned", Thinned, "scan_server")
"""(scan id) What stays of steps that left the bus; see `Thinned`."""
states: Logs[StateChange] = Logs("pub/scan/{}/states", StateChange, "scan_server")
"""(scan id) Its states, strictly forward."""
stops: Logs[Stop] = Logs("svc/scan/{}/stops", Stop, "scan_server")
"""(scan id) Epochs that are over."""
controls: Logs[Control] = Logs("svc/scan/{}/controls", Control, "scan_server")
"""(scan id) Requests to pause, abort … that were accepted."""
answers: Logs[Answer] = Logs("svc/scan/{}/answers/{}", Answer, "device_server")
"""(scan id, device server) One answer a step, under the step's index."""
digests: Logs[Digest] = Logs("svc/scan/{}/digests/{}", Digest, "device_server")
"""(scan id, device server) What stays of answers that left the bus; see `Digest`."""
advice: Logs[Answer] = Logs("svc/scan/{}/advice/{}", Answer, "data_analysis")
"""(scan id, analysis) Answers to what the program asks; under the step's index."""
driver_requests: Logs[DriverRequest] = Logs(
    "svc/scan/{}/driver_requests", DriverRequest, "scan_server"
)
"""(scan id) Requests of the driver of an interactive scan, checked; dense."""
points: Logs[PointEntry] = Logs("pub/scan/{}/points", PointEntry, "scan_bundler")
"""(scan id) Whole points: point p has the id `<p+1>-0`."""
aligned: Logs[AlignedEntry] = Logs(
    "pub/scan/{}/aligned/{}/{}", AlignedEntry, "scan_bundler"
)
"""(scan id, device, signal) A stream at the points; ids are those of the points."""
files: Logs[FileDone] = Logs("pub/scan/{}/files", FileDone, "file_writer")
"""(scan id) The file, once it is complete."""
written: Latests[Written] = Latests(
    "pub/file_writer/written", Written, "file_writer", fields=True
)
"""How far the files of long scans that still run are on disk, by scan id."""
fits: Logs[Fit] = Logs("pub/scan/{}/fits", Fit, "data_analysis")
"""(scan id) Fits, one after the other; id `<points>-<k>`."""
streams: Logs[StreamEntry] = Logs(
    "pub/scan/{}/async/{}/{}", StreamEntry, "device_server"
)
"""(scan id, device, signal) Samples a device sends by itself; id `<samples>-<k>`."""
streams_read: Latests[StreamRead] = Latests(
    "pub/file_writer/streams_read", StreamRead, "file_writer", fields=True
)
"""How far the file writer has come, by the stream's name."""
device_files: Logs[DeviceFile] = Logs(
    "pub/scan/{}/device_files/{}", DeviceFile, "device_server"
)
"""(scan id, device server) Files that devices write by themselves; dense."""

_OF_SCANS = [
    family
    for family in list(globals().values())
    if isinstance(family, Logs) and "/scan/{}/" in family.rule.pattern
]


def scan_logs(
    role: str, name: str, scan_id: str, streams: Iterable[tuple[str, str]] = ()
) -> Iterator[Log[Any]]:
    """Yield the logs of one scan or move that one process of a service writes.

    They follow from the families above: the last argument of each is its writer.

    Args:
        role: of the service.
        name: of the process in its role.
        scan_id: of the scan or move.
        streams: device and signal of each stream it had.
    """
    for family in _OF_SCANS:
        if role not in family.rule.writers:
            continue
        varying = family.rule.pattern.count("{}")
        if varying == 1:
            yield family(scan_id)
        elif varying == 2:
            yield family(scan_id, name)
        else:
            yield from (family(scan_id, *stream) for stream in streams)


expiring: Logs[Expiring] = Logs("pub/expiring", Expiring, "scihub", "scan_server")
"""Scans and moves whose logs go; two writers, the broker gives the ids."""

todo: dict[str, Latests[Taken]] = {
    role: Latests(f"svc/todo/{role}" + "/{}", Taken, "scan_server", role, fields=True)
    for role in SERVICES
    if role != "scan_server"
}
"""By role: (name of the process) the items it has not finished, by scan id."""

# --- devices -------------------------------------------------------------------------
devices: Latests[Device] = Latests(
    "pub/device_server/devices/{}", Device, "device_server", fields=True
)
"""(device server) Its devices, by name."""
values: Latests[DeviceValue] = Latests(
    "pub/device_server/values/{}", DeviceValue, "device_server", fields=True
)
"""(device server) The newest readings, by device."""
calls: Logs[Called] = Logs("pub/device_server/calls/{}", Called, "device_server")
"""(device server) Calls that may have changed a device, in the order they ended."""
lists: Logs[DeviceListVersion] = Logs(
    "pub/device_server/lists/{}", DeviceListVersion, "device_server"
)
"""(device server) Every device list that was applied; version n has the id `n-0`."""
list_progress: Latests[DeviceProgress] = Latests(
    "pub/device_server/list_progress/{}", DeviceProgress, "device_server"
)
"""(device server) How far the change under way is."""
previews: Latests[Preview] = Latests(
    "pub/device_server/previews/{}", Preview, "device_server", fields=True
)
"""(device server) The newest small pictures, by signal; some are left out."""
progress: Latests[Progress] = Latests(
    "pub/device_server/progress/{}", Progress, "device_server", fields=True
)
"""(device server) How far devices have come, by signal."""

# --- services ------------------------------------------------------------------------
heartbeats: dict[str, Latests[Heartbeat]] = {
    role: Latests(f"pub/heartbeat/{role}" + "/{}", Heartbeat, role) for role in ROLES
}
"""By role: (name of the process) it lives."""
advisors: Latests[Heartbeat] = Latests(
    "pub/data_analysis/advisors", Heartbeat, "data_analysis", fields=True
)
"""Analyses that scans may ask, by name, as each began; its heartbeat: whether it lives.
"""
processes: Latests[Process] = Latests(
    "pub/launcher/processes", Process, "launcher", fields=True
)
"""Processes the launcher looks after, by name."""
users: Latests[Users] = Latests("pub/launcher/users", Users, "launcher")
"""Persons that may ask."""
alarms: Logs[Alarm] = Logs("pub/alarms", Alarm, *ROLES)
"""What a person should know; many writers, the broker gives the ids."""
leases: dict[str, Latests[str]] = {
    role: Latests(f"svc/lease/{role}" + "/{}", str, role, "launcher")
    for role in SERVICES
}
"""By role: (name of the process) who holds the role now; expires by itself."""
fences: dict[str, Latests[str]] = {
    role: Latests(f"svc/fence/{role}" + "/{}", str, role) for role in SERVICES
}
"""By role: (name of the process) the token of its newest holder."""
