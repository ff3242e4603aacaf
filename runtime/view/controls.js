// The controls, what they are set to, and whether a page can show it. `pages` has the facts and the
// pattern of each kind of layer, `layers` the place there of each layer.

// Layers with one pattern share a page of facts.
const given = new URLSearchParams(location.hash.slice(1));
const layer = Number(given.get("layer"));
const { facts, attends } = pages[layers[layer] ?? 0];
const $ = (id) => document.getElementById(id);
const controls = new Map(); // name -> a function that reads the control
const state = {};

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A labelled control of a number, a truth value or a list; `name` is also its name in the address.
function addControl({ name, label = name, kind, value, least = 0, most }) {
  const line = element("label", undefined, { title: label });
  line.append(element("span", label));
  const start = given.get(name) ?? (kind === "list" ? value.join(", ") : String(value));
  if (kind === "bool") {
    const box = element("input", undefined, { type: "checkbox", name });
    box.checked = start === "true";
    line.append(box);
    controls.set(name, () => box.checked);
  } else if (kind === "list") {
    const box = element("input", undefined, { type: "text", name });
    box.value = start;
    line.append(box);
    controls.set(name, () => box.value.split(",").map(Number));
  } else {
    const step = kind === "int" ? 1 : "any";
    const slider = element("input", undefined, { type: "range", min: least, max: most, step });
    const box = element("input", undefined, { type: "number", name, min: least, step });
    slider.value = box.value = start;
    slider.addEventListener("input", () => { box.value = slider.value; });
    box.addEventListener("input", () => { slider.value = box.value; });
    line.append(slider, box);
    controls.set(name, () => (kind === "int" ? Math.round(box.valueAsNumber) : box.valueAsNumber));
  }
  $("controls").append(line);
}

function buildControls() {
  if (layers.length > 1) {
    addControl({ name: "layer", kind: "int", value: 0, most: layers.length - 1 });
  }
  for (const one of facts.parameters) addControl({ ...one, most: Math.max(2 * one.value, 16) });
  for (const one of facts.numbers) addControl({ ...one, most: Math.max(2 * one.value, 16) });
  if (facts.grid.length) {
    for (const { extent, value } of facts.grid) {
      const label = `extent ${extent}`, kind = "int";
      if (extent && !controls.has(extent)) {
        addControl({ name: extent, label, kind, value, least: 1, most: 64 });
      }
    }
    for (const { name, value, fixed } of facts.segments) {
      if (name && !fixed) addControl({ name, label: `tokens of ${name}`, kind: "int", value, most: 128 });
    }
  } else {
    const name = "seq", label = "length", kind = "int";
    addControl({ name, label, kind, value: facts.seq, least: 1, most: facts.longest });
  }
  if (facts.heads.used) {
    const most = facts.heads.most, kind = "int";
    if (!facts.heads.fixed) {
      addControl({ name: "heads", kind, value: facts.heads.count, least: 1, most });
    }
    addControl({ name: "head", kind, value: 0, least: 0, most: facts.heads.count - 1 });
  }
  $("controls").addEventListener("input", update);
  $("controls").addEventListener("submit", (event) => event.preventDefault());
}

const read = (name, otherwise) => (controls.has(name) ? controls.get(name)() : otherwise);

function setting() {
  const parameters = {}, inputs = { ...facts.inputs };
  for (const one of facts.parameters) parameters[one.name] = read(one.name);
  for (const one of facts.numbers) inputs[one.name] = read(one.name);
  const extents = facts.grid.length
    ? facts.grid.map(({ extent, value }) => read(extent, value)) : [read("seq")];
  const segments = facts.segments.map(({ name, value }) => [name, read(name, value)]);
  return { parameters, inputs, extents, segments, heads: read("heads", facts.heads.count) };
}

function check(now, head) {
  const { parameters, heads } = now;
  for (const [name, value] of Object.entries(parameters)) {
    if ([value].flat().some(Number.isNaN)) throw new RangeError(`${name} is no number`);
  }
  const points = now.extents.reduce((a, b) => a * b, 1);
  const tokens = now.segments.reduce((sum, [name, length]) => sum + (name ? length : points), 0);
  if (!(tokens >= 1 && tokens <= facts.longest)) {
    throw new RangeError(`${tokens} tokens: this page shows 1 to ${facts.longest}`);
  }
  if (!(head < heads)) throw new RangeError(`there is no head ${head} among ${heads}`);
}
