builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-256 <= k - q <= 256 or (q < 16 or k < 16)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and (k <= 15 or q <= 15 or (-256 + q <= k <= 256 + q)) }"
    attn.normalize "softmax"
    attn.assert "covers" is "proved"
    attn.tiling 16 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 16t < q_len and c >= 0 and 8c <= -8 + k_len and (c <= 1 or (16t <= -q_start and c >= 2) or (c >= 34 and -241 + q_start + 16t <= 8c <= 249 + q_start + 16t) or (16t > -q_start and 2 <= c <= 33 and 8c >= -241 + q_start + 16t)) }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 16t < q_len and c >= 0 and 8c < k_len and ((c <= 1 and 8c >= -7 + k_len) or (-q_start < 16t <= 15 - q_start and c >= 34) or (16t <= -q_start and c >= 2 and 8c >= -7 + k_len) or (c >= 34 and 250 + q_start + 16t <= 8c <= -8 + k_len and 8c <= 271 + q_start + 16t and 8c <= 255 + q_start + q_len) or (16t <= 255 - q_start + k_len and c >= 2 and -263 + q_start + 16t <= 8c <= -242 + q_start + 16t) or (c >= 2 and 8c >= -241 + q_start + 16t and -7 + k_len <= 8c <= 271 + q_start + 16t and 8c <= 255 + q_start + q_len) or (-q_start < 16t <= 15 - q_start and 2 <= c <= 33 and 8c >= -7 + k_len)) }"
  }
}
