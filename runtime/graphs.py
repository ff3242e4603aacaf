"""Lists of keys from graphs: for `input nbr: set[q]`, where tokens are the nodes of a graph."""

import networkx as nx
import torch
from torch import Tensor


def hops(graph: "nx.Graph[int]", k: int) -> tuple[Tensor, Tensor]:
    """The nodes within `k` edges of each node, itself among them, as CSR `(indptr, indices)`.

    Nodes are the tokens 0 to N - 1; int64 [N + 1] and [entries], ascending in each list.
    """
    found = [
        sorted(nx.single_source_shortest_path_length(graph, node, cutoff=k))
        for node in range(graph.number_of_nodes())
    ]
    lengths = torch.tensor([0, *map(len, found)])
    return lengths.cumsum(0), torch.tensor([other for one in found for other in one])


def order(graph: "nx.Graph[int]") -> Tensor:
    """An order of the nodes in which neighbours are near each other, int64 [N].

    Tokens in this order have their neighbours in few tiles of keys: `x[order(graph)]` are the
    tokens, `nx.relabel_nodes` by its inverse the graph (Cuthill and McKee 1969, reversed).
    """
    return torch.tensor(list(nx.utils.reverse_cuthill_mckee_ordering(graph)), dtype=torch.int64)
