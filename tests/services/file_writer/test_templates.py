"""A file cast from a template is the file that would have been built."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from bec_services.file_writer.hdf5.master_file import MasterFile
from bec_services.file_writer.hdf5.templates import FileTemplate, FileTemplates
from bec_services.file_writer.tree.nodes import Node, Patch, group, text


def nodes(*, title="a scan", place=1.0, waves=(1.0, 2.0), units="mm", link="/entry/x"):
    return [
        group("/entry", "NXentry", default="data"),
        Node("/entry/title", value=text(title)),
        Node("/entry/x", {"units": units}, value=np.asarray(place)),
        Node("/entry/wave", value=np.asarray(waves)),
        Node("/entry/rows", {"units": "s"}, grows=(np.dtype("f8"), ())),
        Node("/entry/grid", fixed=(np.dtype("i4"), (3, 4))),
        Node("/entry/link", link=link),
        *(
            Node(f"/entry/{name}", value=text("", 32))
            for name in ("end_time", "state", "reason")
        ),
    ]


def contents(path):
    """Return all that is in a file: links, types, values, attributes."""
    found = {}

    def told(value):
        array = np.asarray(value)
        return array.dtype.str, array.shape, str(array.tolist())

    def look(name, one):
        soft = one.file["/"].get(name, getlink=True)
        value = told(one[()]) if isinstance(one, h5py.Dataset) else None
        attrs = {key: told(one.attrs[key]) for key in one.attrs}
        extra = (one.maxshape, one.chunks) if value else None
        found[name] = type(soft).__name__, value, attrs, extra

    with h5py.File(path) as file:
        file.visititems(look)
        found["/link"] = file["/entry"].get("link", getlink=True).path
        found["/"] = {key: told(file.attrs[key]) for key in file.attrs}
    return found


def written(path, made, rows=5):
    file = MasterFile(path, path.stem, 1, made)
    file.publish()
    file.patch([Patch("/entry/rows", (0,), np.arange(float(rows)))])
    file.patch([Patch("/entry/grid", (1, 2), np.array([[7, 8]], "i4"))])
    file.discard()
    return {key: v for key, v in contents(path).items() if key != "/"}


@given(
    st.text("abc é", max_size=40),
    st.one_of(st.floats(allow_nan=False), st.integers(-9, 9)),
    st.lists(st.floats(-1, 1), max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_a_cast_file_holds_what_a_built_one_holds(
    tmp_path_factory, title, place, waves
):
    folder = tmp_path_factory.mktemp("templates")
    written(folder / "first.h5", nodes())
    made = nodes(title=title, place=place, waves=waves)
    cast = written(folder / "cast.h5", made)
    odd = nodes(title=title, place=place, waves=waves, units=folder.name)
    built = written(folder / "built.h5", odd)  # of a kind nobody has seen
    built["entry/x"][2]["units"] = cast["entry/x"][2]["units"]
    assert cast == built


def test_a_cast_file_is_read_while_it_is_written(tmp_path):
    written(tmp_path / "first.h5", nodes())
    file = MasterFile(tmp_path / "b.h5", "b", 1, nodes(title="another one"))
    file.publish()
    with h5py.File(tmp_path / "b.h5", "r", swmr=True) as reader:
        file.patch([Patch("/entry/rows", (0,), np.arange(3.0))])
        rows = reader["/entry/rows"]
        rows.refresh()
        assert list(rows) == [0.0, 1.0, 2.0]
        assert reader["/entry/title"][()] == b"another one"
    file.discard()


@pytest.mark.parametrize(
    "other",
    [{"units": "um"}, {"link": "/entry/wave"}],
)
def test_files_with_other_attributes_or_links_are_of_another_kind(other):
    templates = FileTemplates()
    templates.keep(FileTemplate(b"", 0, nodes()))
    assert templates.find(nodes(title="x", place=2.0, waves=[]))
    assert templates.find(nodes(**other)) is None


def test_a_template_tells_what_has_another_value_and_whether_it_fits():
    template = FileTemplate(b"", 0, nodes())
    changes = template.changes(nodes(title="another", place=3.0))
    assert [(node.path, fits) for node, fits in changes] == [
        ("/entry/title", False),
        ("/entry/x", True),
    ]


def test_only_the_newest_kinds_are_kept():
    templates = FileTemplates()
    for number in range(20):
        templates.keep(FileTemplate(b"", 0, nodes(units=str(number))))
    assert templates.find(nodes(units="0")) is None
    assert templates.find(nodes(units="19"))
