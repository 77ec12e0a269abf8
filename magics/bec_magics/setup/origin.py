"""Where a request was typed. What a front end does not tell stays empty."""

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from bec_kernel.client.connection import origin_here
from bec_kernel.wire import Origin


def origin_of(shell: Any) -> Origin:
    """Return the origin of what `shell` runs at the moment."""
    kernel = getattr(shell, "kernel", None)
    notebook = notebook_of(shell)
    source = _source(shell)
    here = origin_here("notebook" if kernel is not None else "ipython", source)
    return msgspec.structs.replace(
        here,
        notebook=notebook,
        cell=_cell(kernel),
        source_hash=hashlib.sha256(source.encode()).hexdigest() if source else "",
        kernel=_kernel_id(kernel),
        git_commit=git_commit(Path(notebook).parent if notebook else Path.cwd()),
    )


def notebook_of(shell: Any) -> str:
    """Return the notebook's path, as the Jupyter server or VS Code tells it."""
    told = os.environ.get("JPY_SESSION_NAME", "")
    told = told or shell.user_ns.get("__vsc_ipynb_file__", "")
    return str(told) if str(told).endswith(".ipynb") else ""


def git_commit(folder: Path) -> str:
    """Return the hash of the git commit that is checked out around `folder`.

    Empty if no parent has a `.git` folder, or the branch has no commit. Linked work
    trees and submodules, where `.git` is a file, are not recognised.
    """
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        if (place / ".git" / "HEAD").is_file():
            return _head(place / ".git")
    return ""


def _head(git: Path) -> str:
    """Read it from the files: a process for each scan would cost more than the scan."""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    loose, packed = git / name, git / "packed-refs"
    if loose.is_file():
        return loose.read_text().strip()
    lines = packed.read_text().splitlines() if packed.is_file() else []
    found = [line.split()[0] for line in lines if line.endswith(f" {name}")]
    return found[0] if found else ""


def _cell(kernel: Any) -> str:
    if kernel is None:
        return ""
    metadata = kernel.get_parent("shell").get("metadata") or {}
    return str(metadata.get("cellId", ""))


def _kernel_id(kernel: Any) -> str:
    if kernel is None:
        return ""
    application = getattr(kernel, "parent", None)
    stem = Path(getattr(application, "connection_file", "") or "").stem
    return stem.removeprefix("kernel-")


def _source(shell: Any) -> str:
    typed = shell.history_manager.input_hist_raw if shell.history_manager else []
    return str(typed[-1]) if len(typed) > 1 else ""
