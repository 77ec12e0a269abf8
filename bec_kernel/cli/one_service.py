"""`bec service`, `bec check`: what a service does, in this very process."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bec_kernel.cli.instances import the_instance
from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, without_password
from bec_kernel.language import nearest
from bec_kernel.wire import SERVICES


def run(role: str, url: str, data: Path | None, name: str, *, virtual: bool) -> None:
    """Become the service; does not return.

    Raises:
        InstanceError: there is no such service, or the URL names no user.
    """
    if role not in SERVICES:
        raise InstanceError(
            f"no service {role!r}: {nearest(role, SERVICES)}",
            value=role,
            allowed=", ".join(SERVICES),
        )
    url = url or _of_environment(role, data)
    if url:
        where, folder = _checked(url, role), (data or Path("data")).resolve()
    else:
        note = the_instance(data)
        where, folder = Folder(note.data).url(role), note.data
        virtual = virtual or note.virtual
    environment = {
        "BEC_REDIS": where,
        "BEC_DATA": str(folder),
        "BEC_NAME": name,
        "BEC_VIRTUAL": "1" if virtual else "0",
    }
    argv = [sys.executable, "-m", f"bec_services.{role}"]
    os.execve(sys.executable, argv, {**os.environ, **environment})


def check(files: list[Path]) -> None:
    """Become the check of device lists; does not return."""
    module = "bec_services.device_server.check"
    os.execv(sys.executable, [sys.executable, "-m", module, *map(str, files)])


def _of_environment(role: str, data: Path | None) -> str:
    """Return `BEC_REDIS`, unless a folder is named or it is a person's in a lab."""
    url = os.environ.get("BEC_REDIS", "")
    is_other = urlsplit(url).username != role and os.environ.get("BEC_DATA")
    return "" if data or is_other else url


def _checked(url: str, role: str) -> str:
    parts, shown = urlsplit(url), without_password(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise InstanceError(
            f"the broker's URL {shown}: begins with redis://, rediss:// or unix://",
            value=shown,
        )
    if not parts.username:
        raise InstanceError(
            f"the broker's URL {shown}: needs user and password of {role}: "
            f"{parts.scheme}://{role}:PASSWORD@…",
            value=shown,
        )
    return url
