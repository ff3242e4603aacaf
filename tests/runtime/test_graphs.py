"""Graphs and soft masks as run-time sets."""

import networkx as nx
import numpy as np
import pytest
import torch

import attnc
from attnc.dsl.errors import InvalidValue


def test_hops_are_a_mask() -> None:
    graph = nx.grid_2d_graph(5, 7)
    graph = nx.convert_node_labels_to_integers(graph)
    distance = dict(nx.all_pairs_shortest_path_length(graph))
    wanted = torch.tensor([[distance[i][j] <= 2 for j in range(35)] for i in range(35)])
    nbr = attnc.graphs.hops(graph, 2)
    assert torch.equal(attnc.mask("input/gather", seq=35, nbr=nbr)[0], wanted)


def test_order_brings_neighbours_together() -> None:
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(6, 40))
    shuffle = torch.randperm(240, generator=torch.Generator().manual_seed(0)).tolist()
    graph = nx.relabel_nodes(grid, dict(enumerate(shuffle)))
    found = attnc.graphs.order(graph)
    assert torch.equal(found.sort().values, torch.arange(240))
    place = {int(node): i for i, node in enumerate(found)}
    far = max(abs(place[a] - place[b]) for a, b in graph.edges)
    assert far <= 12 < max(abs(a - b) for a, b in graph.edges)


KEPT = """attention kept(block = 4) {
    input logit: float[h, q, k] grad
    input picked: set[h, q]
    mask { k div block in picked[h, q div block] }
    score s + log(sigmoid(logit[h, q, k]))
}
"""


def test_blocks_of_a_soft_mask() -> None:
    torch.manual_seed(0)
    logit = torch.randn(2, 35, 35, requires_grad=True)
    picked = attnc.blocks.above(logit.sigmoid(), 4, 0.88)
    found = attnc.mask(KEPT, seq=35, heads=2, picked=picked)
    for h in range(2):
        for i in range(0, 35, 4):
            for j in range(0, 35, 4):
                some = bool((logit[h, i : i + 4, j : j + 4].sigmoid() > 0.88).any())
                assert bool((found[h, i : i + 4, j : j + 4] == some).all())
    assert picked.shape[:2] == (2, 9) and 0.2 < found.double().mean() < 0.9
    assert attnc.blocks.above(torch.zeros(5, 5), 2, 0.5).shape == (3, 0)
    for wrong in ((logit, 0), (logit[0, 0], 4)):
        with pytest.raises(InvalidValue):
            attnc.blocks.above(*wrong, 0.5)


def test_a_sparse_matrix_is_a_graph() -> None:
    """SciPy's, by what networkx reads of it: an entry [q, k] is an edge from q to k."""
    edges = torch.rand(30, 30, generator=torch.Generator().manual_seed(1)) < 0.06
    step = edges | torch.eye(30, dtype=torch.bool)
    nbr = attnc.graphs.hops(Sparse(edges), 2)
    within = step.int() @ step.int() > 0
    assert torch.equal(attnc.mask("input/gather", seq=30, nbr=nbr)[0], within)
    assert torch.equal(attnc.graphs.order(Sparse(edges)).sort().values, torch.arange(30))


class Sparse:
    """What a `scipy.sparse.coo_array` has."""

    format = "coo"

    def __init__(self, edges: torch.Tensor) -> None:
        self.shape, self.dtype = tuple(edges.shape), np.dtype(bool)
        self.row, self.col = (x.numpy() for x in edges.nonzero(as_tuple=True))
        self.coords, self.data = (self.row, self.col), np.ones(len(self.row), bool)

    def tocoo(self) -> "Sparse":
        """Itself."""
        return self
