// A pattern of positions alone is one isl set.
// CHECK:      attn.attention @window
// CHECK-NEXT:   attn.relation "-20 <= k - q <= 0" upper "[q_start, k_start, q_len, k_len] -> { [q, k] :
// CHECK-NOT:  lower
// CHECK-NOT:  attn.mask
// CHECK-NOT:  attn.pairs
builtin.module {
  attn.attention @window heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    %0 = attn.pairs "-20 <= k - q <= 0" : !attn.set
    attn.mask %0 : !attn.set
    attn.normalize "softmax"
  }
}
// -----
// A test of a tensor is true in `upper` and false in `lower`: the causal half of the pattern bounds it.
// CHECK:      attn.relation "k <= q and (doc[q] == doc[k] or k < 4)"
// CHECK-SAME:   upper "{{.*}} 0 <= k <= q
// CHECK-SAME:   lower "{{.*}} k <= 3
builtin.module {
  attn.attention @document heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    %0 = attn.pairs "k <= q and (doc[q] == doc[k] or k < 4)" : !attn.set
    attn.mask %0 : !attn.set
    attn.normalize "softmax"
  }
}
// -----
// A pattern that differs between heads has a dimension for them.
// CHECK:      upper "[q_start, k_start, q_len, k_len] -> { [h, q, k] :
builtin.module {
  attn.attention @heads heads 4 / 4 dims 64 / 64 inputs [] cross 0 {
    %0 = attn.pairs "k <= q and (h < 2 or q - k < 16)" : !attn.set
    attn.mask %0 : !attn.set
    attn.normalize "softmax"
  }
}
