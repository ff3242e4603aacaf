// The pairs of a pattern at one setting, in tile order, and the classes of its tiles.
// `attends` and its helpers are generated from the spec; `facts` is what the compiler said of it.

const EMPTY = 0, PARTIAL = 1, FULL = 2;

// A tensor as a function of its indices, row-major.
function tensor({ shape, values }) {
  const [, second = 1, third = 1] = shape;
  switch (shape.length) {
    case 0: return values[0];
    case 1: return (i) => values[i];
    case 2: return (i, j) => values[i * second + j];
    default: return (i, j, l) => values[(i * second + j) * third + l];
  }
}

// The lists of a set as a function of their indices; the last axis of the tensor is that of a list.
function sets(name, { shape, values }) {
  const length = shape[shape.length - 1], axes = shape.slice(0, -1);
  const lists = Array.from({ length: axes.reduce((a, b) => a * b, 1) }, (_, i) =>
    new Set(values.slice(i * length, (i + 1) * length)));
  return (...indices) => {
    const found = lists[indices.reduce((row, i, axis) => row * axes[axis] + i, 0)];
    if (indices.every((i, axis) => i < axes[axis])) return found;
    throw new RangeError(`there is no list ${name}[${indices.join(", ")}] among [${axes.join(", ")}]`);
  };
}

// What formulas see beside positions. A setting has `parameters`, `inputs`, `extents`, `heads`, and
// `segments`, the lengths of the parts of the tokens in their order; the grid is the one named "".
function world(setting) {
  const inputs = {}, parameters = {};
  for (const [name, value] of Object.entries(setting.inputs)) {
    if (value.lists) inputs[name] = sets(name, value);
    else inputs[name] = typeof value === "object" ? tensor(value) : value;
  }
  for (const [name, value] of Object.entries(setting.parameters)) {
    parameters[name] = Array.isArray(value) ? (i) => value[i] : value;
  }
  const heads = setting.heads;
  const at = { h: 0, b: 0, heads, kv_heads: heads, q: [], k: [], extents: setting.extents, inputs };
  at.part = { q: "", k: "" };
  at.segments = Object.fromEntries(setting.segments ?? []);
  return { at, holds: attends(parameters) };
}

// The coordinates of each token: the last axis is the fastest.
function coordinates(extents) {
  const count = extents.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, token) => {
    const place = [];
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      place[axis] = token % extents[axis];
      token = Math.floor(token / extents[axis]);
    }
    return place;
  });
}

// The part of each token, its number there, and its coordinates: NaN off the grid.
function tokensOf({ extents, segments = [["", 0]] }) {
  const points = coordinates(extents), nowhere = extents.map(() => NaN);
  return segments.flatMap(([part, length], number) => part === ""
    ? points.map((place, index) => ({ part, number, index, place }))
    : Array.from({ length }, (_, index) => ({ part, number, index, place: nowhere })));
}

// One head's pairs as bytes, [n, n] by row.
function pairsOf(setting, head) {
  const { at, holds } = world(setting);
  const tokens = tokensOf(setting), n = tokens.length;
  const found = new Uint8Array(n * n);
  at.h = head;
  for (let q = 0; q < n; q++) {
    ({ place: at.q, part: at.part.q } = tokens[q]);
    for (let k = 0; k < n; k++) {
      ({ place: at.k, part: at.part.k } = tokens[k]);
      if (holds(q, k, n, n, at)) found[q * n + k] = 1;
    }
  }
  return found;
}

function count(pairs) {
  let total = 0;
  for (const pair of pairs) total += pair;
  return total;
}

// Tokens in the order of their tiles: by residue class, then by box; a segment's by `line` of them.
// `starts` has the first place of each tile and ends with the number of tokens; `sizes` and `steps`
// are per axis.
function tileOrder(setting, sizes, steps, line = 1) {
  const keyed = tokensOf(setting).map(({ part, number, index, place }, token) => {
    if (part !== "") return { token, key: [number, Math.floor(index / line)] };
    const residue = place.map((x, axis) => x % steps[axis]);
    const box = place.map((x, axis) => Math.floor(Math.floor(x / steps[axis]) / sizes[axis]));
    return { token, key: [number, ...residue, ...box] };
  });
  const compare = (a, b) => {
    for (let i = 0; i < a.key.length; i++) if (a.key[i] !== b.key[i]) return a.key[i] - b.key[i];
    return a.token - b.token;
  };
  keyed.sort(compare);
  const starts = keyed.flatMap((one, place) =>
    place && keyed[place - 1].key.join() === one.key.join() ? [] : [place]);
  return { order: keyed.map((one) => one.token), starts: [...starts, keyed.length] };
}

// The class of each tile, [rows, columns]: empty without a pair, full with all of them.
function tileClasses(pairs, rows, columns) {
  const n = rows.order.length, found = [];
  for (let t = 0; t + 1 < rows.starts.length; t++) {
    const line = [];
    for (let c = 0; c + 1 < columns.starts.length; c++) {
      let inside = 0, all = 0;
      for (let i = rows.starts[t]; i < rows.starts[t + 1]; i++) {
        for (let j = columns.starts[c]; j < columns.starts[c + 1]; j++) {
          inside += pairs[rows.order[i] * n + columns.order[j]];
          all += 1;
        }
      }
      line.push(inside === 0 ? EMPTY : inside === all ? FULL : PARTIAL);
    }
    found.push(line);
  }
  return found;
}

// Runs of consecutive numbers, in words: "0 to 3, 7".
function runs(numbers) {
  const found = [];
  for (const x of numbers) {
    const last = found[found.length - 1];
    if (last && last[1] === x - 1) last[1] = x;
    else found.push([x, x]);
  }
  return found.map(([a, b]) => (a === b ? `${a}` : `${a} to ${b}`)).join(", ");
}
