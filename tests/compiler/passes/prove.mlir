// A window that looks both ways covers every query, and is not causal: the smallest pair says so.
// CHECK:      attn.assert "causal" is "refuted" at "N = 2, q = 0, k = 1"
// CHECK-NEXT: attn.assert "covers" is "proved"
builtin.module {
  attn.attention @window heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-20 <= k - q <= 20" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and k >= -20 + q and 0 <= k <= 20 + q and k < k_start + k_len }"
    attn.normalize "softmax"
    attn.assert "causal"
    attn.assert "covers"
  }
}
// -----
// Documents: causal whatever the tensor holds, and each query sees itself.
// CHECK:      attn.assert "causal" is "proved"
// CHECK-NEXT: attn.assert "covers" is "proved"
builtin.module {
  attn.attention @document heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    attn.relation "k <= q and doc[q] == doc[k]" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k <= q and k < k_start + k_len }" lower "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
    attn.assert "causal"
    attn.assert "covers"
  }
}
// -----
// Only the tensor knows whether a token of document 0 came before.
// CHECK:      attn.assert "covers" is "unknown"
builtin.module {
  attn.attention @first heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    attn.relation "k <= q and doc[k] == 0" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k <= q and k < k_start + k_len }" lower "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
    attn.assert "covers"
  }
}
