"""Labels for clusters."""

import torch

import attnc


def test_boxes_are_numbered_in_row_major_order() -> None:
    found = attnc.routes.boxes((3, 5), (2, 3)).view(3, 5)
    assert found.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 2, 3, 3]]


def test_the_nearest_centroid_and_its_move() -> None:
    centroids = torch.eye(3)[None]
    x = torch.tensor([[[2.0, 0.1, 0.0], [0.0, 3.0, 1.0], [4.0, 0.0, 0.0]]])
    label = attnc.routes.nearest(x, centroids)
    assert label.tolist() == [[0, 1, 0]]
    moved = attnc.routes.moved(x, label, centroids, decay=0.5)
    torch.testing.assert_close(moved[0, 0], torch.tensor([2.0, 0.025, 0.0]))
    torch.testing.assert_close(moved[0, 2], centroids[0, 2])


def test_opposite_vectors_fall_into_opposite_buckets() -> None:
    generator = torch.Generator().manual_seed(0)
    x, rotations = (torch.randn(*s, generator=generator) for s in ((50, 8), (8, 4)))
    found = attnc.routes.buckets(x, rotations)
    assert int(found.min()) >= 0 and int(found.max()) < 8
    assert torch.equal(attnc.routes.buckets(-x, rotations), (found + 4) % 8)
    assert torch.equal(attnc.routes.buckets(3 * x, rotations), found)
