"""Pure: the whole tree of a scan's file: BEC's collection and a NeXus entry."""

from collections.abc import Iterator

from bec_kernel.language import summary
from bec_kernel.version import __version__
from bec_services.file_writer.tree.columns import Columns
from bec_services.file_writer.tree.events import events
from bec_services.file_writer.tree.fits import fit_nodes
from bec_services.file_writer.tree.metadata import END_TIME, configuration, metadata
from bec_services.file_writer.tree.nexus import instrument, people_and_sample
from bec_services.file_writer.tree.nodes import Node, group, iso, text
from bec_services.file_writer.tree.plot import PLOT, DefaultPlot
from bec_services.file_writer.tree.readings import readings
from bec_services.file_writer.tree.scan import ScanFacts
from bec_services.file_writer.tree.streams import AlignedLayout, StreamLayout


def tree(
    scan: ScanFacts,
    columns: Columns,
    streams: StreamLayout,
    aligned: AlignedLayout,
    plot: DefaultPlot,
) -> list[Node]:
    """List all nodes of the file, each group before its members."""
    nodes = (
        *_entry(scan, plot),
        *people_and_sample(scan),
        *metadata(scan),
        *readings(scan, columns, streams),
        *aligned.nodes(),
        *fit_nodes(scan, columns),
        *configuration(scan, columns),
        *events(),
        *instrument(scan, columns, streams),
        *plot.nodes(scan, columns),
    )
    found: dict[str, Node] = {}
    for node in nodes:  # different names may make the same path: the first wins
        found.setdefault(node.path, node)
    return list(found.values())


def _entry(scan: ScanFacts, plot: DefaultPlot) -> Iterator[Node]:
    begin = scan.begin
    yield Node("/", {"default": "entry", "creator": "BEC"})
    # NeXus requires a signal in each NXdata: without one there is no default plot.
    shown = {"default": PLOT.rpartition("/")[2]} if plot.signals else {}
    yield group("/entry", "NXentry", **shown)
    yield Node("/entry/title", value=text(summary(begin.request)))
    yield Node("/entry/start_time", value=text(iso(scan.start)))
    yield Node(END_TIME, value=text("", 32))
    yield Node("/entry/entry_identifier", value=text(str(begin.scan_number)))
    yield Node("/entry/entry_identifier_uuid", value=text(begin.scan_id))
    program = {"version": __version__}
    yield Node("/entry/program_name", program, text("BEC"))
    yield group("/entry/collection")
