"""Graphs as run-time sets."""

import networkx as nx
import torch

import attnc


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
