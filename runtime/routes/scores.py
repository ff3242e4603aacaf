"""What units are worth to choosers, some choosers at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from attnc.dsl.errors import ShapeMismatch
from attnc.runtime.routes.frame import Frame
from attnc.runtime.routes.masses import Masses, masses
from attnc.runtime.routes.regions import region
from attnc.runtime.routes.summaries import pooled


@dataclass(frozen=True, slots=True)
class Products:
    """Scores that are products: `asked` [H, Nc, D] with `vectors` [H, Hkv or 1, U, D]."""

    asked: Tensor
    vectors: Tensor

    def of(self, first: int, last: int) -> Tensor:
        """[H, last - first, U]."""
        heads, kv_heads = len(self.asked), len(self.vectors)
        asked = self.asked[:, first:last].reshape(kv_heads, -1, self.asked.shape[2])
        found = asked @ self.vectors.transpose(1, 2)
        return found.reshape(heads, last - first, -1)


@dataclass(frozen=True, slots=True)
class Given:
    """Scores [H or 1, Nc or 1, U] that are there already."""

    scores: Tensor
    heads: int

    def of(self, first: int, last: int) -> Tensor:
        """[H, last - first, U]."""
        rows = self.scores if self.scores.shape[1] == 1 else self.scores[:, first:last]
        return rows.expand(self.heads, last - first, -1)


Scores = Products | Given | Masses


def scores(at: Frame) -> Scores:
    """The scores of a route, of every query head."""
    route, axes = at.route, at.axes(at.route.source)
    if route.branch is not None:
        return masses(at)
    if route.summary == "probability":
        return Given(_probability(at), at.heads)
    if route.source is not None and "unit" in axes:
        vectors = at.tensor(route.source)
        lengths = (at.count, at.units) if "chooser" in axes else (at.units,)
        if any(x < wanted for x, wanted in zip(vectors.shape[1:], lengths, strict=False)):
            expected = f"at least {' x '.join(map(str, lengths))} rows of units"
            raise ShapeMismatch(route.source, expected, tuple(at.inputs[route.source].shape))
        if "chooser" in axes:
            return Given(vectors[:, : at.count, : at.units], at.heads)
        vectors = vectors[:, : at.units]
    else:
        vectors = pooled(at)
    if route.source is not None and "d" not in axes:  # a number of a unit, whoever asks
        return Given(vectors.reshape(vectors.shape[0], 1, at.units), at.heads)
    own = route.by is None and route.source is None
    asked = averaged(at, at.q if route.by is None else at.tensor(route.by))
    asked = asked.expand(at.heads, -1, -1) * (at.scale if own else 1.0)
    if route.summary == "minmax":  # sum over d of max(q_d low_d, q_d high_d)
        low, high = vectors.chunk(2, -1)
        asked = torch.cat([asked.relu(), -(-asked).relu()], -1)
        vectors = torch.cat([high, low], -1)
    return Products(asked, vectors)


def averaged(at: Frame, x: Tensor) -> Tensor:
    """The mean over the queries of each chooser: [H, Nq, D] to [H, Nc, D]."""
    if at.count == x.shape[1]:
        return x
    if at.route.choosers == "last":
        return x[:, -at.route.rows :].mean(1, keepdim=True)
    if at.count == 1:
        return x.mean(1, keepdim=True)
    i, last = at.first_query[:, None] + at.query_steps, at.last_query[:, None]
    own, i = i <= last, i.minimum(last)
    if at.route.query_box:
        own = own & (at.chooser[i] == torch.arange(at.count)[:, None])
    total = x[:, i].masked_fill(~own[..., None], 0.0).sum(2)
    return total / own.sum(1, keepdim=True).to(x.dtype)


def _probability(at: Frame) -> Tensor:
    """The probabilities that the last queries give to each unit, added up: [H, 1, U]."""
    route, row = at.route, at.row
    q = at.q if route.by is None else at.tensor(route.by).expand(at.heads, -1, -1)
    q = q[:, -route.rows :]
    keys = at.k.repeat_interleave(at.heads // at.kv_heads, 0)
    products = q @ keys.transpose(1, 2) * at.scale
    i = torch.arange(row.q_len - q.shape[1], row.q_len)[:, None]
    if route.within:
        products = products.masked_fill(~region(at, "within").pairs(i), -torch.inf)
    weights = torch.softmax(products, -1).nan_to_num(0.0)
    if route.units == "diagonals":
        return _along_diagonals(weights, at.units).unsqueeze(1)
    columns = weights.sum(1)
    if route.label is not None:
        columns = columns.masked_fill(at.labels < 0, 0.0)
        found = weights.new_zeros(at.heads, at.units)
        found.scatter_add_(1, at.labels.clamp_min(0).expand(at.heads, -1), columns)
    else:
        low, high = (x[0] for x in at.spans)
        sums = pad(columns.double().cumsum(1), (1, 0))
        found = sums[:, (high + 1).clamp_min(0)] - sums[:, low.clamp_max(row.k_len)]
    return found.to(weights).unsqueeze(1)


def _along_diagonals(x: Tensor, count: int) -> Tensor:
    """[H, r, Nk] added up by how far the key lies behind: [H, count], ending with the last row's.

    With the keys turned round and one column more a row than keys and rows, each row begins one
    column further than the row before it.
    """
    heads, rows, keys = x.shape
    width = rows + keys - 1
    skewed = pad(x.flip(2), (0, rows)).flatten(1)[:, : rows * width]
    sums = skewed.view(heads, rows, width).sum(1)
    return pad(sums, (count - width, 0))
