builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-256 <= k - q <= 256 or (q < 16 or k < 16)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and (k <= 15 or q <= 15 or (-256 + q <= k <= 256 + q)) }"
    attn.normalize "softmax"
    attn.assert "covers" is "proved"
    attn.tiling 16 x 8
  }
}
