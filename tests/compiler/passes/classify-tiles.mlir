// Causal: full below the diagonal, partial on it and where the keys end.
// CHECK:      attn.tiling 48 x 8
// CHECK-NEXT: attn.classes full "{{.*}} { [t, c] : {{.*}} 8c <= -8 + k_len and 8c <= -7 + q_start + 48t }"
// CHECK-SAME:   partial "{{.*}} { [t, c] : {{.*}} 8c <= 47 + q_start + 48t and 8c < q_start + q_len
builtin.module {
  attn.attention @causal heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k <= q and k < k_start + k_len }"
    attn.normalize "softmax"
    attn.tiling 48 x 8
  }
}
// -----
// No tile is known to be full where a tensor decides: every live one is partial until it runs.
// CHECK:      attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : false }" partial "{{.*}} 8c < k_len }"
builtin.module {
  attn.attention @document heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    attn.relation "doc[q] == doc[k]" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len }" lower "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
    attn.tiling 48 x 8
  }
}
