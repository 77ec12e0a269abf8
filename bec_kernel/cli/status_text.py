"""The state of an instance as a table, and as a dict for `--json`."""

import os
import subprocess
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bec_kernel.cli.instances import Launched, the_instance
from bec_kernel.client import Client, connect
from bec_kernel.client.connection import troubles as health_troubles
from bec_kernel.errors import BecError, InstanceError
from bec_kernel.instance import Note
from bec_kernel.wire import keys

_SERVICE = ("name", "pid", "state", "version", "heartbeat_age", "restarts")


def status(note: Note) -> dict[str, Any]:
    """Return `services`, `broker`, `queues`, `data` and `troubles` of an instance."""
    with connect(note.data) as client:
        return _status(client, note)


def _status(client: Client, note: Note) -> dict[str, Any]:
    found = client.status()
    broker = client.bus.get(keys.processes(), "broker")
    return {
        "services": [
            {name: one[name] for name in _SERVICE}
            for one in found["services"]
            if one["role"] != "launcher"
        ],
        "broker": {
            "url": note.url,
            "pid": broker.pid if broker else None,
            "restarts": broker.restarts if broker else 0,
        },
        "queues": found["queues"],
        "data": str(note.data),
        "troubles": health_troubles(client.bus),
    }


def print_status(found: dict[str, Any]) -> None:
    """Print what `status` returns."""
    Console().print(_drawn(found), soft_wrap=True)


def _drawn(found: dict[str, Any]) -> Group:
    table = Table()
    for name in _SERVICE:
        table.add_column(name.replace("_", " "), justify=_side(name))
    for one in found["services"]:
        table.add_row(*("" if one[n] is None else str(one[n]) for n in _SERVICE))
    broker = found["broker"]
    lines = [
        f"broker  {broker['url']}  pid {broker['pid']}  restarts {broker['restarts']}",
        f"data    {found['data']}",
    ]
    for queue in found["queues"]:
        reason = f" ({queue['reason']})" if queue["reason"] else ""
        lines.append(f"queue   {queue['name']}: {queue['state']}{reason}")
        lines += [f"        {_item(item)}" for item in queue["items"]]
    return Group(table, Text("\n".join(lines)), *_warnings(found["troubles"]))


def _warnings(troubles: list[str]) -> list[Text]:
    return [Text("\n".join(troubles), style="red")] if troubles else []


def say_troubles(data: Path) -> None:
    """Print what does not work in a running instance, if anything."""
    with connect(data) as client:
        for text in _warnings(health_troubles(client.bus)):
            Console().print(text, soft_wrap=True)


def _side(name: str) -> Any:
    return "left" if name in ("name", "state", "version") else "right"


def _item(item: dict[str, Any]) -> str:
    number = item["scan_number"]
    shown = f"scan {number}" if number is not None else "-"
    reason = f": {item['reason']}" if item["reason"] else ""
    return f"{shown}  {item['state']}  {item['request']}  ({item['user']}){reason}"


def watch(launched: Launched) -> None:
    """Draw the instance's state once a second until it ends or Ctrl-C.

    Raises:
        InstanceError: the launcher has ended.
    """
    console = Console()
    if console.is_terminal and not os.environ.get("NO_LIVE"):
        _draw(launched, console)
    else:
        launched.process.wait()
    raise InstanceError(f"the launcher ended; see bec logs launcher ({launched.data})")


def _draw(launched: Launched, console: Console) -> None:
    note = the_instance(launched.data)
    with (
        connect(launched.data) as client,
        Live(console=console, auto_refresh=False, transient=True) as live,
    ):
        while True:
            try:
                live.update(_drawn(_status(client, note)), refresh=True)
            except BecError as error:
                live.update(Text(str(error)), refresh=True)
            try:
                launched.process.wait(1.0)
            except subprocess.TimeoutExpired:
                continue
            return
