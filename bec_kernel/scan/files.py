"""Pure: names and folders of a scan's files."""

from pathlib import Path

from bec_kernel.wire import Begin


def stem(begin: Begin) -> str:
    """Return the beginning of the names of a scan's files: `S00042`."""
    return f"S{begin.scan_number or 0:05d}"


def folder_of(begin: Begin) -> Path:
    """Return a scan's own folder, below that of the instance's files.

    `S00000-00999/S00042`, with account and `file_directory` before it, and
    `file_suffix` behind.
    """
    number = begin.scan_number or 0
    low = number // 1000 * 1000
    suffix = f"_{begin.file_suffix}" if begin.file_suffix else ""
    above = Path(begin.account) / begin.file_directory
    thousand = above / f"S{low:05d}-{low + 999:05d}"
    return thousand / f"{stem(begin)}{suffix}"
