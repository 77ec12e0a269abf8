// A scan, live. The model's traits are the whole of it; new rows come alone, with the
// place they belong to, so a page opened late or twice never shows a point twice.

const BUTTONS = { pause: "Pause", resume: "Resume", abort: "Abort" };
const WORDS = { "": "pending", open: "running" };
const LAST_ROWS = 5;
const ASK_AGAIN = 300; // ms

const STYLE = `
.bec-card { font: 13px var(--jp-ui-font-family, sans-serif); max-width: 620px;
  border: 1px solid var(--jp-border-color2, #ccc); border-radius: 4px; padding: 8px; }
.bec-card header { display: flex; gap: 8px; align-items: flex-start; }
.bec-card .title { font-weight: 600; flex: 1; min-width: 0; overflow: hidden; }
.bec-card header > :not(.title), .bec-card .word { white-space: nowrap; }
.bec-card header > :not(.title) { flex: none; }
.bec-card .state { border-radius: 8px; padding: 0 8px; color: white; background: #2a7; }
.bec-card .state[data-state="paused"] { background: #c80; }
.bec-card .state[data-state="aborted"], .bec-card .state[data-state="halted"],
.bec-card .state[data-state="interrupted"] { background: #c33; }
.bec-card .abort { color: #c33; border: 1px solid #c33; border-radius: 2px;
  background: none; }
.bec-card progress { width: 100%; height: 8px; }
.bec-card .note { color: var(--jp-ui-font-color2, #666); min-height: 1.3em; }
.bec-card table { border-collapse: collapse; }
.bec-card td, .bec-card th { text-align: right; padding: 1px 8px; }
`;

function tag(name, parent, properties = {}) {
  return parent.appendChild(Object.assign(document.createElement(name), properties));
}

// A browser would break a line inside `--steps` or `-5`: each word is kept whole.
function write(place, text) {
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren();
  for (const word of text.split(" ")) {
    if (place.hasChildNodes()) place.append(" ");
    tag("span", place, { textContent: word, className: "word" });
  }
}

// --- rows ------------------------------------------------------------------------

// Once a page: keep the model whole, so that a second view of it is too.
function initialize({ model }) {
  model.on("msg:custom", (message) => {
    if (message.kind === "over") retire(model);
    if (message.kind !== "rows") return;
    const rows = model.get("rows");
    if (message.start > rows.length) {
      model.send({ ask: "rows", start: rows.length });
      return;
    }
    rows.splice(message.start, rows.length, ...message.rows);
  });
}

function column(model, name, start) {
  const { columns } = model.get("head");
  const at = name === "point_id" ? 0 : columns.indexOf(name) + 1;
  return model.get("rows").slice(start).map((row) => Number(row[at] ?? NaN));
}

// --- BokehJS: the kernel's own copy, once a page -----------------------------------

// A front end may send its first messages to the blocked cell's own shell, where they
// wait for the cell's end: so the kernel is asked again until it has answered.
function reply(model, kind) {
  return new Promise((resolve) => {
    const ask = () => model.send({ ask: kind });
    const again = setInterval(ask, ASK_AGAIN);
    const take = (message, buffers) => {
      if (message.kind !== kind) return;
      clearInterval(again);
      model.off("msg:custom", take);
      resolve([message, buffers]);
    };
    model.on("msg:custom", take);
    ask();
  });
}

async function fetchBokeh(model) {
  const [, buffers] = await reply(model, "bokeh");
  const url = URL.createObjectURL(new Blob(buffers, { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    tag("script", document.head, { src: url, onload: resolve, onerror: reject });
  });
  URL.revokeObjectURL(url);
}

async function loadBokeh(model) {
  const version = model.get("bokeh_version");
  const there = () => window.Bokeh?.[version] ?? window.Bokeh;
  if (there()?.version !== version) {
    window._becBokeh ??= fetchBokeh(model);
    await window._becBokeh;
  }
  return there();
}

// --- the notebook ------------------------------------------------------------------

const VIEW = "application/vnd.jupyter.widget-view+json";
const PICTURE = "image/svg+xml";

// The output area (JupyterLab's) that this card is shown in, if there is one.
function outputsWith(model) {
  const id = model.get("view_id");
  const cells = model.widget_manager?.context?.model?.cells ?? [];
  for (const { outputs } of cells) {
    for (let at = 0; at < (outputs?.length ?? 0); at++) {
      if (outputs.get(at).data[VIEW]?.model_id === id) return [outputs, at];
    }
  }
  return [];
}

// The picture has come: the card goes, and what the notebook keeps of it is a view
// without a model, which shows as nothing when there is no kernel.
function retire(model) {
  const [outputs, at] = outputsWith(model);
  if (!outputs) return;
  const leave = () => {
    const all = [...Array(outputs.length).keys()].map((n) => outputs.get(n));
    if (!all.some((one) => one.data[PICTURE])) return;
    outputs.changed.disconnect(leave);
    const view = { version_major: 2, version_minor: 0, model_id: "" };
    all[at]?.setData({ data: { [VIEW]: view } });
  };
  outputs.changed.connect(leave);
  leave();
}

// --- the plot ----------------------------------------------------------------------

async function makePlot(model, box) {
  const bokeh = await loadBokeh(model);
  const [{ item }] = await reply(model, "plot");
  await bokeh.embed.embed_item(item, box);
  const scene = bokeh.documents.at(-1);
  const named = (name) => scene.get_model_by_name(name);
  let drawn = 0;
  let axes = "";

  return () => {
    const { x, y, x_label, y_label, retaken } = model.get("head");
    if (!y) return;
    if (axes !== `${x}/${y}/${retaken}`) {
      axes = `${x}/${y}/${retaken}`;
      drawn = 0;
      named("points").data = { x: [], y: [] };
      named("x axis").axis_label = x_label;
      named("y axis").axis_label = y_label;
    }
    const more = { x: column(model, x, drawn), y: column(model, y, drawn) };
    if (more.x.length) named("points").stream(more);
    drawn += more.x.length;
    const { curve, centre } = model.get("fit");
    if (curve) {
      named("fit").data = { x: curve[0], y: curve[1] };
      named("legend").visible = true;
      Object.assign(named("centre"), { location: centre ?? 0, visible: centre != null });
    }
    box.dataset.drawn = drawn;
  };
}

// --- the rest ------------------------------------------------------------------------

function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "number" ? String(Number(value.toPrecision(5))) : value;
}

function drawTable(table, model) {
  const line = (cells, kind) => {
    const row = document.createElement("tr");
    for (const cell of cells) tag(kind, row, { textContent: shown(cell) });
    return row;
  };
  const { columns, table: names } = model.get("head");
  const places = [0, ...(names ?? []).map((name) => columns.indexOf(name) + 1)];
  const rows = model.get("rows").slice(-LAST_ROWS);
  const cells = (row) => places.map((at) => row[at]);
  const head = rows.length ? cells(["point", ...columns]) : [];
  table.replaceChildren(line(head, "th"), ...rows.map((row) => line(cells(row), "td")));
}

function progressText(done, total, left) {
  const count = total ? `${done}/${total} points` : `${done} points`;
  return left === null || left === undefined ? count : `${count}, ${left.toFixed(1)} s left`;
}

function drawHead(parts, model) {
  const { title, total } = model.get("head");
  const { state, left, message, final } = model.get("status");
  const done = model.get("rows").length;
  write(parts.title, title);
  parts.state.textContent = WORDS[state] ?? state;
  parts.state.dataset.state = state;
  if (total) Object.assign(parts.progress, { max: total, value: done });
  const words = [progressText(done, total, left), model.get("fit").words, message];
  write(parts.note, words.filter(Boolean).join(" · "));
  parts.pause.hidden = final || state === "paused";
  parts.resume.hidden = final || state !== "paused";
  parts.abort.hidden = final;
}

function build(model, el) {
  const card = tag("div", el, { className: "bec-card" });
  tag("style", card, { textContent: STYLE });
  const header = tag("header", card);
  const parts = {
    title: tag("span", header, { className: "title" }),
    state: tag("span", header, { className: "state" }),
  };
  for (const [verb, text] of Object.entries(BUTTONS)) {
    parts[verb] = tag("button", header, { textContent: text, className: verb });
    parts[verb].addEventListener("click", () => model.send({ press: verb }));
  }
  parts.progress = tag("progress", card);
  parts.note = tag("div", card, { className: "note" });
  parts.plot = tag("div", card, { className: "plot" });
  parts.table = tag("table", card);
  return parts;
}

// Once a view: draw what there is, then, at most once a frame, what has come.
function render({ model, el }) {
  const parts = build(model, el);
  let drawPlot = () => {};
  let asked = 0;
  const draw = () => {
    asked = 0;
    drawHead(parts, model);
    drawTable(parts.table, model);
    drawPlot();
  };
  const schedule = () => {
    asked ||= requestAnimationFrame(draw);
  };
  const events = ["msg:custom", "change:head", "change:status", "change:fit"];
  for (const event of events) model.on(event, schedule);
  draw();
  makePlot(model, parts.plot).then((plot) => {
    drawPlot = plot;
    schedule();
  });
  return () => {
    for (const event of events) model.off(event, schedule);
    cancelAnimationFrame(asked);
  };
}

export default { initialize, render };
