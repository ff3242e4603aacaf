"""Lists of keys from graphs: for `input nbr: set[q]`, where tokens are the nodes of a graph."""

from typing import Any

import networkx as nx
import torch
from torch import Tensor

Graph = Any  # an nx.Graph or nx.DiGraph of ints, or a SciPy sparse matrix: [q, k] is an edge to k


def hops(graph: Graph, k: int) -> tuple[Tensor, Tensor]:
    """The nodes within `k` edges of each node, itself among them, as CSR `(indptr, indices)`.

    Nodes are the tokens 0 to N - 1; int64 [N + 1] and [entries], ascending in each list. The graph
    is networkx's or a SciPy sparse matrix [N, N].
    """
    graph = _networkx(graph, nx.DiGraph)
    found = [
        sorted(nx.single_source_shortest_path_length(graph, node, cutoff=k))
        for node in range(graph.number_of_nodes())
    ]
    lengths = torch.tensor([0, *map(len, found)])
    return lengths.cumsum(0), torch.tensor([other for one in found for other in one])


def order(graph: Graph) -> Tensor:
    """An order of the nodes in which neighbours are near each other, int64 [N].

    Tokens in this order have their neighbours in few tiles of keys: `x[order(graph)]` are the
    tokens, `nx.relabel_nodes` by its inverse the graph (Cuthill and McKee 1969, reversed).
    """
    graph = _networkx(graph, nx.Graph)
    return torch.tensor(list(nx.utils.reverse_cuthill_mckee_ordering(graph)), dtype=torch.int64)


def _networkx(graph: Graph, kind: type) -> Any:
    """The graph of a sparse matrix; a graph as it is, for an undirected one without directions."""
    if not isinstance(graph, nx.Graph):
        return nx.from_scipy_sparse_array(graph, create_using=kind)
    return graph.to_undirected() if kind is nx.Graph and graph.is_directed() else graph
