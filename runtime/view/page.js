// The page: sliders, the picture, what is counted and what was proved. The address's fragment holds
// what was set (`#seq=128&w=16&query=40`), so that a view can be linked to.

function update() {
  clearTimeout(state.timer);
  if (read("layer", layer) !== layer && layers[read("layer")] !== undefined) {
    location.hash = `#layer=${read("layer")}`; // its parameters are others
    location.reload();
    return;
  }
  try {
    const now = setting(), head = read("head", 0);
    check(now, head);
    const { steps, q, k, line } = facts.tiling;
    const rows = tileOrder(now, q, steps, line[0]), columns = tileOrder(now, k, steps, line[1]);
    const pairs = pairsOf(now, head);
    const classes = tileClasses(pairs, rows, columns);
    const tokens = tokensOf(now);
    Object.assign(state, { now, head, rows, columns, pairs, classes, tokens, n: tokens.length });
    state.query = Math.min(state.query ?? Math.floor(state.n / 2), state.n - 1);
    $("error").hidden = true;
    showFacts();
    showProofs();
    draw();
    showQuery(state.query, state.key);
    remember();
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem;
    $("error").hidden = false;
    $("error").textContent = problem.message;
  }
}

function remember() {
  const words = [...controls].map(([name, value]) => `${name}=${value()}`);
  const place = `#${[...words, `query=${state.query}`].join("&")}`;
  try { history.replaceState(null, "", place); } catch { location.hash = place; }
}

const share = (part, whole) => `${((100 * part) / whole).toFixed(3)}%`;
const many = (x) => x.toLocaleString("en");

function showFacts() {
  const { n, pairs, classes, now } = state;
  const kinds = classes.flat(), of = (kind) => many(kinds.filter((x) => x === kind).length);
  let rowsEmpty = 0, ahead = 0;
  for (let q = 0; q < n; q++) {
    const row = pairs.subarray(q * n, q * n + n), found = count(row);
    if (!found) rowsEmpty += 1;
    ahead += count(row.subarray(q + 1));
  }
  const found = count(pairs), shown = $("facts");
  const each = facts.tiling.q.length === 1 ? "" : " (boxes of points)";
  const size = `${facts.tiling.q.join("\u00d7")} queries, ${facts.tiling.k.join("\u00d7")} keys`;
  const lines = [
    ["pairs", `${many(found)} of ${many(n * n)}`],
    ["density", share(found, n * n), "density"],
    ["tiles", `${of(EMPTY)} empty, ${of(PARTIAL)} partial, ${of(FULL)} full`, "tiles"],
    ["a tile", `${size}${each}`],
    ...(facts.layers ? [["layers with this pattern", facts.layers, "layers"]] : []),
    ["at this size", `${many(ahead)} keys after their query, ${many(rowsEmpty)} queries without a key`],
  ];
  shown.replaceChildren();
  for (const [name, text, id] of lines) {
    shown.append(element("dt", name), element("dd", text, id ? { id } : {}));
  }
  if (facts.heads.used) {
    const total = element("dd", "...", { id: "all-heads" });
    shown.append(element("dt", `all ${now.heads} heads`), total);
    state.timer = setTimeout(() => {
      let sum = 0;
      for (let h = 0; h < now.heads; h++) sum += count(pairsOf(now, h));
      total.textContent = `density ${share(sum, now.heads * n * n)}`;
    }, 150);
  }
}

function showProofs() {
  const moved = facts.parameters.filter(
    ({ name, value }) => String(state.now.parameters[name]) !== String(value));
  const headsMoved = facts.heads.used && state.now.heads !== facts.heads.count;
  const stale = moved.length > 0 || headsMoved;
  const values = facts.parameters.map(({ name, value }) => `${name} = ${value}`);
  if (facts.heads.used) values.push(`${facts.heads.count} heads`);
  const at = values.length ? ` for ${values.join(", ")}` : "";
  const moves = [...moved.map(({ name }) => name), ...(headsMoved ? ["heads"] : [])].join(", ");
  $("proved-for").textContent = !facts.proofs.length ? "The spec asserts nothing."
    : `By the compiler, at every length${at}.`
      + (stale ? ` ${moves} moved: not proved for what is shown; run attnc check.` : "");
  $("proofs").replaceChildren(...facts.proofs.map((proof) => {
    const line = element("li", proof.assertion, { class: proof.verdict + (stale ? " stale" : "") });
    const reason = proof.reason ? `: ${proof.reason}` : "";
    line.append(element("small", ` ${proof.verdict}${reason}`));
    return line;
  }));
}

function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function draw() {
  const { n, rows, columns, pairs, classes } = state;
  const { skipped, masked, tested, whole } = facts.colours;
  const palette = [[skipped, skipped], [masked, tested], [whole, whole]].map((p) => p.map(rgb));
  const image = new ImageData(n, n);
  for (let t = 0; t + 1 < rows.starts.length; t++) {
    for (let c = 0; c + 1 < columns.starts.length; c++) {
      const colours = palette[classes[t][c]];
      for (let i = rows.starts[t]; i < rows.starts[t + 1]; i++) {
        for (let j = columns.starts[c]; j < columns.starts[c + 1]; j++) {
          const pair = pairs[rows.order[i] * n + columns.order[j]];
          image.data.set([...colours[pair], 255], 4 * (i * n + j));
        }
      }
    }
  }
  state.image = image;
  paint();
}

// The picture enlarged, with the borders of the tiles and the query that was chosen.
function paint() {
  const { n, rows, columns, image } = state, canvas = $("mask");
  const scale = Math.max(2, Math.ceil(1000 / n));
  const small = new OffscreenCanvas(n, n);
  small.getContext("2d").putImageData(image, 0, 0);
  canvas.width = canvas.height = n * scale;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, n * scale, n * scale);
  context.fillStyle = n > 512 ? "#ffffff80" : "#ffffff";
  for (const start of rows.starts.slice(1, -1)) context.fillRect(0, start * scale, n * scale, 1);
  for (const start of columns.starts.slice(1, -1)) context.fillRect(start * scale, 0, 1, n * scale);
  const row = rows.order.indexOf(state.query);
  context.strokeStyle = "#b3261e";
  context.strokeRect(0.5, row * scale + 0.5, n * scale - 1, Math.max(scale - 1, 2));
}

function named(token) {
  if (!facts.grid.length) return `${token}`;
  const { part, index, place } = state.tokens[token];
  if (part) return `${token} (${part} ${index})`;
  return `${token} (${place.map((x, axis) => `${facts.grid[axis].label} ${x}`).join(", ")})`;
}

function showQuery(query, key) {
  const { n, pairs, now } = state;
  const row = pairs.subarray(query * n, query * n + n);
  const keys = [...row.keys()].filter((k) => row[k]);
  let text = `query ${named(query)} sees ${keys.length} keys`;
  if (keys.length && !facts.grid.length) text += `: ${runs(keys)}`;
  if (key !== undefined && key < n) text += `; key ${named(key)}: ${row[key] ? "seen" : "not seen"}`;
  $("here").textContent = text.length > 400 ? `${text.slice(0, 400)} ...` : text;
  $("near").hidden = facts.grid.length < 2;
  if (facts.grid.length >= 2) drawNeighbours(row, query, now.extents);
}

// The keys of one query on the grid: planes of the last two axes, side by side.
function drawNeighbours(row, query, extents) {
  const width = extents[extents.length - 1], height = extents[extents.length - 2];
  const planes = extents.reduce((a, b) => a * b, 1) / (width * height), cell = Math.max(3, Math.floor(900 / (planes * width)));
  const canvas = $("near"), gap = planes > 1 ? cell : 0;
  canvas.width = planes * (width * cell + gap);
  canvas.height = height * cell;
  const context = canvas.getContext("2d");
  row.forEach((seen, token) => {
    const { part, index } = state.tokens[token];
    if (part) return;
    const plane = Math.floor(index / (width * height)), rest = index % (width * height);
    const x = plane * (width * cell + gap) + (rest % width) * cell;
    const colour = token === query ? "#b3261e" : seen ? facts.colours.whole : facts.colours.skipped;
    context.fillStyle = colour;
    context.fillRect(x, Math.floor(rest / width) * cell, cell - 1, cell - 1);
  });
}

function spot(event) {
  const box = $("mask").getBoundingClientRect();
  const at = (x, size) => Math.max(0, Math.min(state.n - 1, Math.floor((x / size) * state.n)));
  return {
    query: state.rows.order[at(event.clientY - box.top, box.height)],
    key: state.columns.order[at(event.clientX - box.left, box.width)],
  };
}

function start() {
  $("title").textContent = facts.title;
  $("summary").textContent = facts.summary;
  $("source").textContent = facts.source;
  $("footer").textContent = `Written by attnc ${facts.version}. ${facts.note}`;
  const legend = Object.entries(facts.legend).map(([colour, text]) =>
    element("span", text, { style: `--colour: ${colour}` }));
  $("legend").append(...legend);
  if (given.has("query")) state.query = Number(given.get("query"));
  buildControls();
  $("mask").addEventListener("mousemove", (event) => {
    const { query, key } = spot(event);
    showQuery(query, key);
  });
  $("mask").addEventListener("mouseleave", () => showQuery(state.query));
  $("mask").addEventListener("click", (event) => {
    state.query = spot(event).query;
    paint();
    remember();
  });
  update();
}

start();
