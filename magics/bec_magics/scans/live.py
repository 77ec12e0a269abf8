"""A scan while one waits for it: a card in a notebook, a live table in a terminal."""

import contextlib
from collections.abc import Iterator
from typing import Any

from IPython.display import display, publish_display_data

from bec_kernel.client import Client, ScanReport
from bec_kernel.errors import BecError, ScanAborted
from bec_kernel.scan import hints
from bec_live.views import LAST_WORDS, ScanCard, ScanFeed, mime_bundle, read_scan
from bec_magics.setup import Session


def wait_for(session: Session, report: ScanReport) -> ScanReport:
    """Show `report` until its scan has ended, and return it.

    Raises:
        ScanAborted: it did not reach its last point; its picture is shown all the same.
    """
    if not in_notebook(session):
        with session.waiting_for(report):
            draw_in_terminal(report, session.client)
        return report
    try:
        with session.waiting_for(report), live_card(session, report):
            report.wait()
    except ScanAborted:
        display(report)
        raise
    return report


def draw_in_terminal(report: ScanReport, client: Client) -> None:
    """Draw the scan in the terminal until it has ended.

    How it has ended stands in the prompt's result, or in its error: it is said once.
    """
    from bec_kernel.terminal import follow_to_the_file

    follow_to_the_file(report, client.dev, print, ending=False)


@contextlib.contextmanager
def live_card(session: Session, report: ScanReport) -> Iterator[ScanCard]:
    """Show a card inside the block.

    After it the card goes as soon as a picture stands in the same cell; until then, on
    a page that was loaded again meanwhile, its last state stays.
    """
    client = session.client
    card = ScanCard(client.bus, report.scan_id)
    feed = _feed(client, report, card)
    publish_display_data(card.view())
    feed.start()
    try:
        yield card
        feed.ended.wait(LAST_WORDS)
    finally:
        feed.stop()
        card.retire()
        session.keep(card)


def open_card(session: Session, report: ScanReport) -> None:
    """Show a card of a scan that runs; wait for nothing."""
    client = session.client
    card = ScanCard(client.bus, report.scan_id)
    publish_display_data(card.view())
    _feed(client, report, card).start()
    session.keep(card)


def _feed(client: Client, report: ScanReport, card: ScanCard) -> ScanFeed:
    return ScanFeed(
        client.bus,
        report.scan_id,
        card.show,
        hints(client.dev.all()),
        waits=lambda: report.waits,
        earlier=report.filed_points,
    )


def in_notebook(session: Session) -> bool:
    """Tell whether this shell belongs to a Jupyter kernel."""
    return getattr(session.shell, "kernel", None) is not None


def bundle_of(report: ScanReport, client: Client) -> Any:
    """Make a notebook's display of a report; waits briefly for its last fit."""
    if report.request.name == "mv":  # nothing to draw
        return {"text/plain": repr(report)}
    if report.past is not None:  # no longer on the bus
        with contextlib.suppress(BecError):
            return {"text/plain": repr(report), "image/svg+xml": report.plot().svg}
        return {"text/plain": repr(report)}
    if report.is_final:
        _ = report.fit
    known = hints(client.dev.all())
    state = read_scan(client.bus, report.scan_id, known, report.filed_points)
    return mime_bundle(state, report.troubles)
