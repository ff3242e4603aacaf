"""The keys of a branch: tokens, or windows of them, and the scores of those that it attends to."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.branch import Part, Pool
from attnc.dsl.program import Bound
from attnc.runtime.oracle.formula import Formula, parameters
from attnc.runtime.oracle.world import Rows, World

TOKENS = Pool("mean", 1, 1)


@dataclass(frozen=True, slots=True)
class Memory:
    """The keys of a branch in one sequence."""

    bound: Bound
    part: Part
    world: World

    @property
    def pool(self) -> Pool:
        """The windows; of tokens one for each."""
        return self.part.pool or TOKENS

    @property
    def rows(self) -> Rows:
        """Where the sequence lies."""
        return self.world.rows

    @property
    def numbers(self) -> Tensor:
        """`k` of each key: those of the windows that lie in the sequence, or all of a memory."""
        if self.pool.kind == "memory":
            return torch.arange(self.world.inputs[self.pool.keys].shape[-2])
        size, stride = self.pool.size, self.pool.stride
        start, end = self.rows.k_start, self.rows.k_start + self.rows.k_len
        found = [j for j in range(end) if start <= j * stride and j * stride + size <= end]
        return torch.tensor(found, dtype=torch.int64)

    def keys(self, k: Tensor) -> Tensor:
        """The keys [H, K, D] from those of tokens, [H, Nk, D]."""
        return self._of(k, self.pool.keys)

    def values(self, v: Tensor) -> Tensor:
        """The values [H, K, Dv] from those of tokens, [H, Nk, Dv]."""
        return self._of(v, self.pool.values)

    def _of(self, x: Tensor, name: str) -> Tensor:
        if self.part.pool is None:
            return x
        if name:
            rows: Tensor = self.world.inputs[name].double()
            if rows.dim() == 4:
                rows = rows[int(self.world.places["b"]) if len(rows) > 1 else 0]
            return rows.repeat_interleave(len(x) // len(rows), 0)
        firsts = (self.numbers * self.pool.stride - self.rows.k_start).tolist()
        windows = [x[:, row : row + self.pool.size] for row in firsts]
        taken = [w.mean(1) if self.pool.kind == "mean" else w.amax(1) for w in windows]
        return torch.stack(taken, 1) if taken else x[:, :0]

    def shares(self) -> Tensor:
        """Which part of a key's positions each token is: float64 [K, Nk]."""
        first = self.numbers[:, None] * self.pool.stride
        inside = (first <= self.rows.k) & (self.rows.k < first + self.pool.size)
        return inside.double() / self.pool.size

    def pairs(self, heads: int) -> Tensor:
        """What the mask of the branch holds, bool [H, Nq, K]; it calls no route."""
        world = replace(self.world, places={**self.world.places, "k": self.numbers})
        mask = next(s.body for s in self._body if isinstance(s, ast.MaskStatement))
        found = Formula({**parameters(world), **self._ends(self.numbers)}, world).pairs(mask)
        return found.expand(heads, self.rows.q_len, len(self.numbers))

    def scores(self, pairs: Tensor, products: Tensor) -> Tensor:
        """[H, Nq, K] from the scaled products, right where there is a pair."""
        formula = [s.value for s in self._body if isinstance(s, ast.ScoreStatement)]
        if not formula:
            return products
        h, i, j = pairs.nonzero(as_tuple=True)
        k = self.rows.k[j] if self.part.pool is None else self.numbers[j]
        places = {"b": self.world.places["b"], "h": h, "q": self.rows.q[i], "k": k}
        world = replace(self.world, places=places)
        names = {**parameters(world), **self._ends(k), "s": products[pairs]}
        changed = Formula(names, world).value(formula[0]).double().expand(len(h))
        return torch.zeros_like(products).masked_scatter(pairs, changed)

    def _ends(self, numbers: Tensor) -> dict[str, Tensor]:
        """The first and the last position of each window; tokens have none."""
        if self.part.pool is None:
            return {}
        first = numbers * self.pool.stride
        return {"k.start": first, "k.end": first + self.pool.size - 1}

    @property
    def _body(self) -> tuple[Any, ...]:
        """The statements of the branch as they are written."""
        found = (s for s in self.bound.program.attention.body if isinstance(s, ast.Branch))
        return next(branch.body for branch in found if branch.name == self.part.name)
