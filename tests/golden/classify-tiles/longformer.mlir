builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-256 <= k - q <= 256 or (q < 16 or k < 16)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and (k <= 15 or q <= 15 or (-256 + q <= k <= 256 + q)) }"
    attn.normalize "softmax"
    attn.assert "covers" is "proved"
    attn.tiling 48 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c <= -8 + k_len and ((48t <= -32 - q_start and c >= 2) or c <= 1 or (c >= 34 and -209 + q_start + 48t <= 8c <= 249 + q_start + 48t) or (48t >= -31 - q_start and 2 <= c <= 33 and 8c >= -209 + q_start + 48t)) }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c < k_len and ((48t <= -32 - q_start and c >= 2 and 8c >= -7 + k_len) or (c <= 1 and 8c >= -7 + k_len) or (-31 - q_start <= 48t <= 15 - q_start and c >= 34) or (c >= 34 and 250 + q_start + 48t <= 8c <= -8 + k_len and 8c <= 303 + q_start + 48t and 8c <= 255 + q_start + q_len) or (48t <= 255 - q_start + k_len and c >= 2 and -263 + q_start + 48t <= 8c <= -210 + q_start + 48t) or (c >= 34 and 8c >= -209 + q_start + 48t and -7 + k_len <= 8c <= 303 + q_start + 48t and 8c <= 255 + q_start + q_len) or (48t >= -31 - q_start and 2 <= c <= 33 and 8c >= -209 + q_start + 48t and 8c >= -7 + k_len)) }"
  }
}
