const positive = (n) => {
  if (n > 0) return n;
  throw new RangeError(`a division by ${n}`);
};
const div = (a, b) => Math.floor(a / positive(b));
const mod = (a, b) => a - b * div(a, b);
const some = (low, high, holds) => {
  for (let i = low; i < high; i++) if (holds(i)) return true;
  return false;
};
const differ = (a, b) => a < b || a > b;
const drawn = (n, seed, ...places) => {
  if (places.some(Number.isNaN)) return NaN;
  const turned = (x, by) => (x << by) | (x >>> (32 - by));
  let h = seed | 0;
  for (const place of places) {
    const word = Math.imul(turned(Math.imul(place, 0xcc9e2d51), 15), 0x1b873593);
    h = (Math.imul(turned(h ^ word, 13), 5) + 0xe6546b64) | 0;
  }
  h ^= 4 * places.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) % Math.max(n, 1);
};

const mask_window = (q, k, len, qlen, at, $l, $r = $l) => (((-$l) <= (k - q)) && ((k - q) <= $r));
const mask_global = (q, k, len, qlen, at, $n) => ((q < $n) || (k < $n));
const attends = ({w: $w, g: $g}) => (q, k, len, qlen, at) => (mask_window(q, k, len, qlen, at, $w, undefined) || mask_global(q, k, len, qlen, at, $g));
