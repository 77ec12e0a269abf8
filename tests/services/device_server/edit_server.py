"""A device server on a bus in memory whose device list is edited."""

import contextlib
import time
import uuid
from pathlib import Path

import pytest

from bec_kernel.bus import put
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Call, EditDevices, Users, keys
from bec_services.device_server.__main__ import make_body
from tests.services.recorded import new_life, running, until

SIM = "ophyd_devices.SimPositioner"


LIST = f"""\
samx:
  deviceClass: {SIM}
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: baseline
bpm4i:
  deviceClass: ophyd_devices.SimMonitor
  readoutPriority: monitored
  needs: [samx]
"""


class Server:
    """A device server on a bus in memory, asked by ada."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker)
        self.folder = folder
        self.patch = patch
        put(self.bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
        self.inbox = keys.device_asks("main", "ada")

    @contextlib.contextmanager
    def life(self, text: str = LIST, token: str = "first"):
        path = self.folder / "list.yaml"
        path.write_text(text)
        self.patch.setenv("BEC_DEVICES", str(path))
        self.patch.setenv("BEC_DEVICES_GIVEN", token)
        before = self.bus.last(keys.lists("main"))
        count = self.broker.puts.get(keys.devices("main").name, 0)
        with running(new_life("device_server", self.broker, self.folder), make_body()):
            until(
                self.bus,
                lambda: (
                    self.broker.puts.get(keys.devices("main").name, 0) > count
                    and (before or self.bus.last(keys.lists("main")))
                ),
            )
            yield

    def ask(self, message):
        at = str(self.bus.ask(self.inbox, message))

        def answer():
            replies = [entry.message for entry in self.bus.read(self.inbox.replies)]
            return next((one for one in replies if one.asked == at), None)

        until(self.bus, answer)
        return answer()

    def edit(self, action, **fields):
        request_id = fields.pop("request_id", uuid.uuid4().hex)
        return self.ask(EditDevices(request_id=request_id, action=action, **fields))

    def call(self, device, method, *args):
        """Call it; again while the server reads what was asked before it began."""
        while (reply := self._call(device, method, *args)).problem is not None:
            if "ended meanwhile" not in reply.problem.message:
                break
        return reply

    def read(self, device):
        return self.call(device, "read").value[device][0]

    def _call(self, device, method, *args):
        request_id = uuid.uuid4().hex
        asked = Call(
            request_id=request_id,
            device=device,
            method=method,
            args=list(args),
            deadline=time.time() + 20,
        )
        return self.ask(asked)

    def published(self):
        return self.bus.get_all(keys.devices("main"))

    def versions(self):
        return [entry.message for entry in self.bus.read(keys.lists("main"))]
