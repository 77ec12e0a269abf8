// The BEC side panel, as a federated module written by hand: JupyterLab loads this
// file as it is, so nothing has to be built when the package is installed.
//
// Everything goes to the Jupyter server (jupyterlab_bec.handlers), never to a kernel:
// the stop button works while a kernel is busy, stuck or dead.

const REFRESH = 2000; // ms, one heartbeat

let shared; // JupyterLab's shared modules, handed over by init

async function load(name) {
  const versions = Object.values(shared[name]);
  return (await versions[0].get())();
}

function element(tag, text, style) {
  const made = document.createElement(tag);
  made.textContent = text;
  Object.assign(made.style, style);
  return made;
}

// What the server answered, or an error that says what it said.
async function ask(services, path, method) {
  const { ServerConnection } = services;
  const settings = ServerConnection.makeSettings();
  const url = `${settings.baseUrl}bec/${path}`;
  const response = await ServerConnection.makeRequest(url, { method }, settings);
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(answer.message ?? response.statusText);
  }
  return answer;
}

function serviceRow({ name, state, version, heartbeat_age: age }) {
  const row = element("li", "", { padding: "2px 0" });
  const bold = { fontWeight: "600" };
  const faint = { color: "var(--jp-ui-font-color2)" };
  row.dataset.service = name;
  row.append(element("span", name, bold), element("span", ` ${state ?? "unknown"}`, {}));
  row.title = `version ${version ?? "unknown"}`;
  if (typeof age === "number") {
    row.append(element("span", ` · seen ${age.toFixed(1)} s ago`, faint));
  }
  return row;
}

function queueRow([name, queue]) {
  const items = queue.items?.length ?? 0;
  const row = element("li", `${name}: ${queue.state ?? "unknown"}, ${items} waiting`, {});
  row.dataset.queue = name;
  return row;
}

// Queues come as a list of {name, ...} or as an object keyed by name.
function named(queues) {
  if (Array.isArray(queues)) {
    return queues.map((queue) => [queue.name, queue]);
  }
  return Object.entries(queues ?? {});
}

function section(title) {
  const list = element("ul", "", { listStyle: "none", margin: "0", padding: "0" });
  const box = element("section", "", { marginTop: "12px" });
  box.append(element("h3", title, { margin: "0 0 4px" }), list);
  return { box, list };
}

function panel(Widget, services) {
  const widget = new Widget();
  widget.id = "bec-panel";
  widget.title.label = "BEC";
  widget.title.caption = "Beamline: services, queues, stop";
  widget.addClass("bec-panel");

  const stop = element("button", "STOP all devices", {
    background: "#b00020",
    border: "0",
    borderRadius: "4px",
    color: "white",
    cursor: "pointer",
    fontSize: "15px",
    fontWeight: "700",
    padding: "12px",
    width: "100%",
  });
  const said = element("p", "", { minHeight: "1.4em", overflowWrap: "anywhere" });
  said.setAttribute("role", "status");
  const running = section("Services");
  const waiting = section("Queues");
  const root = element("div", "", { overflow: "auto", padding: "12px", height: "100%" });
  root.append(stop, said, running.box, waiting.box);
  widget.node.append(root);

  async function stopAll() {
    stop.disabled = true;
    said.textContent = "Stopping…";
    try {
      await ask(services, "stop", "POST");
      said.textContent = `Stop sent at ${new Date().toLocaleTimeString()}`;
    } catch (error) {
      said.textContent = `Not stopped: ${error.message}`;
    } finally {
      stop.disabled = false;
    }
    return said.textContent;
  }

  async function refresh() {
    try {
      const status = await ask(services, "status", "GET");
      running.list.replaceChildren(...(status.services ?? []).map(serviceRow));
      waiting.list.replaceChildren(...named(status.queues).map(queueRow));
    } catch (error) {
      running.list.replaceChildren(element("li", error.message, {}));
      waiting.list.replaceChildren();
    }
  }

  // One question at a time, and only while the panel is seen.
  async function follow() {
    if (widget.isDisposed) {
      return;
    }
    if (widget.isVisible) {
      await refresh();
    }
    window.setTimeout(follow, REFRESH);
  }

  stop.addEventListener("click", stopAll);
  follow();
  return { widget, stopAll };
}

const plugin = {
  id: "jupyterlab-bec:panel",
  description: "Service status, queues and stop, through the Jupyter server.",
  autoStart: true,
  activate: async (app) => {
    const { Widget } = await load("@lumino/widgets");
    const services = await load("@jupyterlab/services");
    const { widget, stopAll } = panel(Widget, services);
    app.commands.addCommand("bec:stop", {
      label: "BEC: stop all devices",
      execute: stopAll,
    });
    app.shell.add(widget, "left", { rank: 250 });
  },
};

window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB["jupyterlab-bec"] = {
  init: (scope) => {
    shared = scope;
  },
  get: async () => () => ({ __esModule: true, default: plugin }),
};
