"""The scan card: the widget of a running scan in a notebook."""

import functools
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import anywidget
import bokeh
import traitlets
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, DataRange1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from bokeh.util.paths import bokehjs_path
from ipywidgets import Layout

from bec_kernel.bus import Bus
from bec_kernel.language import fit_words
from bec_kernel.wire import ItemAction, Verb, keys
from bec_live.views.card_state import CardState

BUTTONS = {"pause": Verb.PAUSE, "resume": Verb.RESUME, "abort": Verb.ABORT}
PATIENCE = 10.0
"""Time that a press of a button stays valid on its way, s."""


class ScanCard(anywidget.AnyWidget):
    """One scan, live: state, progress, plot with fit, last points, buttons.

    The traits are the whole view, so that a page opened late or again shows all of it.
    New rows are sent alone (`send`): the cost per point does not grow with the scan. A
    button sends one message to the scan server; it works while a cell is blocked.
    """

    _esm = Path(__file__).parents[1] / "renderer" / "scan_card.js"
    head: Any = traitlets.Dict().tag(sync=True)
    status: Any = traitlets.Dict().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    fit: Any = traitlets.Dict().tag(sync=True)
    view_id: Any = traitlets.Unicode().tag(sync=True)
    bokeh_version: Any = traitlets.Unicode(bokeh.__version__).tag(sync=True)

    def __init__(self, bus: Bus, scan_id: str) -> None:
        self._bus = bus
        self._scan_id = scan_id
        self._sending = threading.Lock()
        super().__init__(
            layout=Layout(width="auto"), head=_head(CardState()), status=_status_of()
        )
        self.on_msg(self._take)

    def show(self, state: CardState) -> None:
        """Send changes of `state` to all pages."""
        head, fit = _head(state), _fit(state)
        if head != self.head:
            self.head = head
        with self._sending:
            start = state.news()
            new = state.rows[start:]
            self.rows[start:] = new  # in place: kept for later pages, not sent whole
        if new:
            self.send({"kind": "rows", "start": start, "rows": new})
        if fit != self.fit:
            self.fit = fit
        self.status = _status_of(state)

    def retire(self) -> None:
        """Close the card once the scan's picture is shown below it."""
        self.view_id = self.model_id
        self.send({"kind": "over"})

    def view(self) -> dict[str, Any]:
        """Return the mime bundle of a view of this card, without a text."""
        model = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": model}

    def __repr__(self) -> str:
        """Return the same in every run: a card is compared as text."""
        return "ScanCard"

    def _take(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        """Answer a page; runs beside the blocked cell, so it only sends messages."""
        if content.get("press") in BUTTONS:
            self._press(BUTTONS[content["press"]])
        elif content.get("ask") == "rows":
            start = int(content.get("start", 0))
            with self._sending:
                rows = list(self.rows[start:])
            self.send({"kind": "rows", "start": start, "rows": rows})
        elif content.get("ask") == "bokeh":
            self.send({"kind": "bokeh"}, [_bokeh_script()])
        elif content.get("ask") == "plot":
            self.send({"kind": "plot", "item": _plot()})

    def _press(self, verb: Verb) -> None:
        action = ItemAction(
            request_id=uuid.uuid4().hex,
            verb=verb,
            scan_id=self._scan_id,
            deadline=time.time() + PATIENCE,
        )
        self._bus.ask(keys.scan_asks(self._bus.user), action)


@functools.cache
def _bokeh_script() -> bytes:
    """BokehJS as this kernel has it: a beamline has no CDN."""
    return Path(bokehjs_path(), "js", "bokeh.min.js").read_bytes()


def _plot() -> Any:
    points = ColumnDataSource({"x": [], "y": []}, name="points")
    fit = ColumnDataSource({"x": [], "y": []}, name="fit")
    plot = figure(
        height=280,
        sizing_mode="stretch_width",
        output_backend="canvas",
        x_range=DataRange1d(),
        y_range=DataRange1d(),
        tools="pan,box_zoom,wheel_zoom,reset,save",
    )
    data, fitted = "#1f77b4", "#d62728"
    plot.line("x", "y", source=points, color=data, legend_label="data")
    plot.scatter("x", "y", source=points, color=data, size=4, legend_label="data")
    plot.line("x", "y", source=fit, color=fitted, line_width=2, legend_label="fit")
    centre = Span(name="centre", dimension="height", location=0, visible=False)
    centre.line_color, centre.line_dash = fitted, "dashed"
    plot.add_layout(centre)
    plot.legend.name, plot.legend.visible = "legend", False
    plot.legend.background_fill_alpha = 0.7
    plot.xaxis.name, plot.yaxis.name = "x axis", "y axis"
    plot.toolbar.logo, plot.toolbar.autohide = None, True
    return json_item(plot)


def _head(state: CardState) -> dict[str, Any]:
    return {
        "title": state.title,
        "total": state.total,
        "columns": list(state.columns),
        "table": state.table,
        "x": state.x,
        "y": state.y if state.columns else "",
        "x_label": state.label(state.x),
        "y_label": state.label(state.y),
        "retaken": state.retaken,
    }


def _status_of(state: CardState | None = None) -> dict[str, Any]:
    if state is None:
        return {"state": "", "left": None, "message": "", "final": False}
    message = state.message or (state.reason if state.reason != "done" else "")
    message = message or (f"waits: {state.waits}" if state.waits else "")
    return {
        "state": state.state,
        "left": None if state.is_final else state.left,
        "message": message,
        "final": state.is_final,
    }


def _fit(state: CardState) -> dict[str, Any]:
    if state.fit is None:
        return {}
    return {
        "words": fit_words(state.fit),
        "curve": state.fit.curve or None,
        "centre": state.fit.values.get("center"),
    }
