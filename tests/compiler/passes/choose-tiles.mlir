// Few keys for each query: a low tile visits fewer pairs that count for nothing.
// CHECK:      attn.tiling 16 x 8
builtin.module {
  attn.attention @blocks heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "q div 16 == k div 16" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and -15 + k <= 16*floor((q)/16) <= k }"
    attn.normalize "softmax"
  }
}
// -----
// Many keys for each query: a high tile pays less for each pair.
// CHECK:      attn.tiling 48 x 8
builtin.module {
  attn.attention @causal heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k <= q and k < k_start + k_len }"
    attn.normalize "softmax"
  }
}
// -----
// What a tensor decides cannot be counted: the cheapest pair wins.
// CHECK:      attn.tiling 48 x 8
builtin.module {
  attn.attention @document heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    attn.relation "doc[q] == doc[k]" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len }" lower "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
  }
}
