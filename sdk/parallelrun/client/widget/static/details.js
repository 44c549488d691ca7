// The live view of a run. Whatever comes from elsewhere (names of files, errors, logs) is set as text, never as markup,
// and nothing is fetched: all that is shown comes through the model.

const SVG = "http://www.w3.org/2000/svg";
const numbers = new Intl.NumberFormat("en-US");

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = `prd-${name}`;
  if (text !== undefined && text !== null) element.textContent = String(text);
  return element;
}

function append(parent, ...children) {
  for (const child of children) if (child) parent.append(child);
  return parent;
}

function bar(done, failed, total, phase) {
  const track = make("div", "bar");
  const known = total !== null && total !== undefined;
  const percent = !known ? 0 : total === 0 ? 100 : (100 * done) / total;
  track.setAttribute("role", "progressbar");
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", "100");
  if (known) track.setAttribute("aria-valuenow", String(Math.floor(percent)));
  track.setAttribute("aria-label", "mini-batches completed");
  const bad = known && total > 0 ? (100 * failed) / total : 0;
  const good = make("div", `fill prd-${phase.toLowerCase()}`);
  good.style.width = `${Math.max(percent - bad, 0)}%`;
  const lost = make("div", "fill prd-lost");
  lost.style.width = `${bad}%`;
  return append(track, good, lost);
}

function facts(state) {
  const list = make("div", "facts");
  for (const [what, value] of state.facts) {
    append(list, append(make("div", "fact"), make("div", "fact-name", what), make("div", "fact-value", value)));
  }
  return list;
}

function lanes(state) {
  if (!state.nodes.length) return null;
  const section = append(make("section", "section"), make("h4", null, "Nodes"));
  const most = Math.max(1, ...state.nodes.map((node) => node.completed));
  for (const node of state.nodes) {
    const lane = make("div", "lane");
    const share = make("div", "share");
    share.style.width = `${(100 * node.completed) / most}%`;
    const chips = make("span", "chips");
    for (const one of node.running) append(chips, make("span", "chip", one));
    append(
      lane,
      make("span", "node", node.label),
      make("span", `state prd-is-${node.state === "running" ? "running" : "other"}`, node.state),
      append(make("span", "track"), share),
      make("span", "count", `${numbers.format(node.completed)} done`),
      chips
    );
    append(section, lane);
  }
  if (state.moreNodes) append(section, make("div", "more", `and ${numbers.format(state.moreNodes)} more nodes`));
  return section;
}

function curve(state) {
  const points = state.rates;
  if (points.length < 3) return null;
  const width = 600, height = 60;
  const last = points[points.length - 1][0], first = points[0][0];
  const most = Math.max(...points.map((point) => point[1]), 1e-9);
  const x = (seconds) => (width * (seconds - first)) / Math.max(last - first, 1e-9);
  const y = (rate) => height - 2 - ((height - 6) * rate) / most;
  const line = points.map(([seconds, rate]) => `${x(seconds).toFixed(1)},${y(rate).toFixed(1)}`).join(" ");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "prd-curve");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "throughput over time");
  const area = document.createElementNS(SVG, "polygon");
  area.setAttribute("points", `0,${height} ${line} ${width},${height}`);
  const edge = document.createElementNS(SVG, "polyline");
  edge.setAttribute("points", line);
  svg.append(area, edge);
  const most_text = most >= 1 ? `${most.toFixed(1)}/s` : `${(most * 60).toFixed(1)}/min`;
  return append(
    make("section", "section"),
    append(make("h4", null, "Throughput"), make("span", "hint", ` at most ${most_text}`)),
    svg
  );
}

// What the reader has opened stays open while the view is drawn anew, and when it is put in another's place.
const opened = new Map();

function folded(name, title, body, open) {
  const details = make("details", name);
  const key = `${name}:${title}`;
  details.open = opened.has(key) ? opened.get(key) : open;
  details.addEventListener("toggle", () => opened.set(key, details.open));
  return append(details, make("summary", null, title), body);
}

function failures(state) {
  if (!state.failures.length) return null;
  const section = append(make("section", "section"), make("h4", null, "Failures"));
  for (const failure of state.failures) {
    const body = make("div", "failure-body");
    if (failure.where) append(body, make("div", "hint", failure.where));
    for (const file of failure.files) append(body, make("div", "file", file));
    if (failure.moreFiles) append(body, make("div", "hint", `and ${numbers.format(failure.moreFiles)} more files`));
    append(body, make("pre", "trace", failure.traceback));
    append(section, folded("failure", `mini-batch ${failure.miniBatch}: ${failure.error}`, body, false));
  }
  return section;
}

function steps(state, selected, choose) {
  const list = make("div", "steps");
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "steps");
  for (const step of state.steps) {
    const row = make("button", `step${step.name === selected ? " prd-selected" : ""}`);
    row.type = "button";
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(step.name === selected));
    append(
      row,
      make("span", `dot prd-dot-${step.phase.toLowerCase()}`),
      make("span", "step-name", step.name),
      make("span", "step-phase", step.phase),
      make("span", "step-text", step.text || step.note)
    );
    row.addEventListener("click", () => choose(step.name));
    append(list, row);
  }
  return list;
}

function head(title, where, phase) {
  return append(
    make("header", "head"),
    make("strong", "title", title),
    make("span", `phase prd-phase-${phase.toLowerCase()}`, phase),
    make("span", "where", where === "cluster" ? "in the cluster" : "on this machine")
  );
}

function details(state) {
  const counts = state.counts;
  const log = make("pre", "log", state.log);
  const parts = [
    bar(counts.completed, counts.failed, counts.total, state.phase),
    facts(state),
    state.stalled ? make("div", "stalled", `paused: ${state.stalled}`) : null,
    state.message ? make("pre", "message", state.message) : null,
    lanes(state),
    curve(state),
    failures(state),
    state.log ? append(make("section", "section"), folded("log-fold", "Log", log, true)) : null,
  ];
  return parts.filter((part) => part);
}

// The step that the reader has chosen, by the pipeline's run; it is chosen here, since the kernel may be busy.
const chosen = new Map();

function pipeline(state, redraw) {
  const there = state.steps.some((step) => step.name === chosen.get(state.title));
  const selected = there ? chosen.get(state.title) : state.matters;
  const choose = (name) => {
    chosen.set(state.title, name);
    redraw();
  };
  const run = state.runs[selected];
  const rest = run ? details(run) : [make("div", "hint", selected ? "nothing to see of it yet" : "")];
  return [steps(state, selected, choose), make("h4", "chosen", selected), ...rest];
}

export default {
  render({ model, el }) {
    const root = make("div", "root");
    el.append(root);

    function draw() {
      const state = model.get("state");
      if (!state || !state.title) return;
      const focused = root.contains(document.activeElement) && document.activeElement.closest(".prd-step");
      const before = root.querySelector(".prd-log");
      const kept = before && before.scrollHeight - before.scrollTop - before.clientHeight > 20 ? before.scrollTop : null;
      root.replaceChildren(
        head(state.title, state.where, state.phase),
        ...(state.message ? [make("pre", "message", state.message)] : []),
        ...(state.steps ? pipeline(state, draw) : []),
        ...(state.run ? details(state.run) : [])
      );
      if (focused) root.querySelector(".prd-step.prd-selected")?.focus();
      const log = root.querySelector(".prd-log");
      if (log) log.scrollTop = kept === null ? log.scrollHeight : kept;
    }

    model.on("change:state", draw);
    draw();
    return () => model.off("change:state", draw);
  },
};
