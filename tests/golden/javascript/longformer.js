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

const mask_window = (q, k, len, qlen, at, $l, $r = $l) => (((-$l) <= (k - q)) && ((k - q) <= $r));
const mask_global = (q, k, len, qlen, at, $n) => ((q < $n) || (k < $n));
const attends = ({w: $w, g: $g}) => (q, k, len, qlen, at) => (mask_window(q, k, len, qlen, at, $w, undefined) || mask_global(q, k, len, qlen, at, $g));
