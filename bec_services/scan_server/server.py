"""The scan server: publish the scans, and serve requests by the scheduler."""

from collections.abc import Mapping
from typing import Any, TypeVar

from bec_kernel.bus.changes import Change, Drop, Put
from bec_kernel.service import LATER, Life, Request, RequestServer
from bec_kernel.wire import DryRun, Latest, keys
from bec_services.scan_server.accept import BeamlineWatch, Catalogue
from bec_services.scan_server.scheduler import Scheduler

T = TypeVar("T")

_REPLIES_KEEP = 1000


class ScanServer:
    """One life of the scan server."""

    def __init__(self, life: Life, catalogue: Catalogue) -> None:
        self._life = life
        self._catalogue = catalogue
        self._beamline = BeamlineWatch(life)
        self._scheduler = Scheduler(life, catalogue, self._beamline)

    def run(self) -> None:
        """Serve until the life is over."""
        self._publish()
        self._beamline.start()
        self._life.spawn(self._scheduler.outlook.run)
        self._scheduler.open()
        requests = RequestServer(
            self._life, keys.scan_asks, self._handle, keep=_REPLIES_KEEP
        )
        positions = requests.open(self._beamline.users.names)
        self._life.serves()
        for log, entries in self._life.follow(positions):
            requests.take(log, entries)

    def _handle(self, request: Request[keys.ScanAsk]) -> Any:
        ask = request.message
        if isinstance(ask, DryRun):  # may take a second: without the scheduler's lock
            return self._scheduler.outlook.forecasts(ask, request.user)
        self._scheduler.serve(request)
        return LATER

    def _publish(self) -> None:
        """Put scans and schemas one can ask for, and take out those that are gone."""
        scans, schemas = self._catalogue.scans, self._catalogue.schemas
        shown = {name: scan for name, scan in scans.items() if scan.is_published}
        signatures = {name: scan.signature() for name, scan in shown.items()}
        wanted = {n: s.published for n, s in schemas.items()}
        changes = [
            *self._replaced(keys.catalogue(), signatures),
            *self._replaced(keys.metadata(), wanted),
        ]
        self._life.bus.commit(changes, self._life.fence)

    def _replaced(self, key: Latest[T], new: Mapping[str, T]) -> list[Change]:
        gone = set(self._life.bus.get_all(key)) - set(new)
        drops = [Drop(key, name) for name in gone]
        return [*drops, *(Put(key, one, name) for name, one in new.items())]
