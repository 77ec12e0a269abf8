"""What a master file contains, and how it differs from another one."""

import re

import h5py
import numpy as np

# Wall clock, what is counted on from scan to scan, and how often a point was begun.
OTHER = re.compile(
    r"timestamp$|/timing/|/points/|_time$|/states/time$|_exposures|/bec/scan_(id|number)$"
    r"|entry_identifier|/file_name$"
)


IDS = re.compile(rb'"(request_id|scan_id|scan_number|deadline)":("[^"]*"|[^,}]*)')


TAKEN_AGAIN = 3


def content(path):
    """All groups and datasets of a file with their values and attributes, by path."""
    found = {}

    def visit(name, thing):
        is_data = isinstance(thing, h5py.Dataset)
        found[name] = plain(name, thing) if is_data else None, dict(thing.attrs)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def plain(name, dataset):
    """Return the value of a dataset, but for what is never twice the same."""
    value = dataset[()]
    if OTHER.search(f"/{name}"):
        return np.zeros(np.shape(value))
    if "/point_status/" in name:
        return np.where(value == TAKEN_AGAIN, 0, value)
    return IDS.sub(b"", value) if isinstance(value, bytes) else value


def other_content(found, wanted):
    """Return the paths at which a file is not as another one."""
    odd = sorted(found.keys() ^ wanted.keys())
    for name in found.keys() & wanted.keys():
        if not equal(*found[name], *wanted[name]):
            odd.append(name)
    return odd


def equal(value, attrs, other_value, other_attrs):
    kinds = [getattr(one, "dtype", type(one)) for one in (value, other_value)]
    return (
        kinds[0] == kinds[1]
        and attrs.keys() == other_attrs.keys()
        and all(np.array_equal(attrs[key], other_attrs[key]) for key in attrs)
        and np.array_equal(value, other_value)
    )
