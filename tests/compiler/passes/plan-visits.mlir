// Two loops in closed form, and the one tile in which the keys end.
// CHECK:      attn.visits "full" by "loops" {
// CHECK-NEXT:   tile.for "c" from "0" to "min(6 * t + (q_start + 1) div 8, k_len div 8)" step 1 {
// CHECK-NEXT:     tile.push "c"
// CHECK-NEXT:   }
// CHECK-NEXT: }
// CHECK-NEXT: attn.visits "partial" by "loops" {
// CHECK-NEXT:   tile.for "c" from "max(0, 6 * t + (q_start + 1) div 8)"
// CHECK-NEXT:     tile.push "c"
// CHECK-NEXT:   }
// CHECK-NEXT:   tile.if "k_len mod 8 >= 1
// CHECK-NEXT:     tile.push "(k_len - 1) div 8"
builtin.module {
  attn.attention @causal heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k <= q and k < k_start + k_len }"
    attn.normalize "softmax"
    attn.tiling 48 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c <= -8 + k_len and 8c <= -7 + q_start + 48t }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c < k_len and 8c <= 47 + q_start + 48t and 8c < q_start + q_len and (8c >= -7 + k_len or (-6 + q_start + 48t <= 8c <= -8 + k_len)) }"
  }
}
// -----
// Where a tensor decides, each candidate carries what the bounds of the tensor say.
// CHECK:      attn.visits "full" by "loops" {
// CHECK:      attn.visits "partial" by "loops" {
// CHECK-NEXT:   tile.for "c" from "0" to
// CHECK-NEXT:     tile.push "c" if "doc_q_low <= doc_k_high and doc_k_low <= doc_q_high" full if "doc_q_low == doc_k_high and doc_q_high == doc_k_low"
builtin.module {
  attn.attention @document heads 0 / 0 dims 64 / 64 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    attn.relation "doc[q] == doc[k]" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len }" lower "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
    attn.tiling 48 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : false }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c < k_len }"
  }
}
// -----
// Fourteen separate diagonals: too many loops to run for every head, so they fill a table.
// CHECK:      attn.visits "full" by "loops" {
// CHECK:      attn.visits "partial" by "table" {
// CHECK-COUNT-14: tile.for "c"
builtin.module {
  attn.attention @diagonals heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "q - k == 64 or q - k == 128 or q - k == 256 or q - k == 512 or q - k == 1024 or q - k == 2048 or q - k == 4096 or q - k == 8192 or q - k == 16384 or q - k == 32768 or q - k == 65536 or q - k == 131072 or q - k == 262144 or q - k == 524288" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k_start <= k < k_start + k_len and 0 <= k and exists (d : (d = 64 or d = 128 or d = 256 or d = 512 or d = 1024 or d = 2048 or d = 4096 or d = 8192 or d = 16384 or d = 32768 or d = 65536 or d = 131072 or d = 262144 or d = 524288) and q - k = d) }"
    attn.normalize "softmax"
    attn.tiling 48 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : false }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c < k_len and exists (d : (d = 64 or d = 128 or d = 256 or d = 512 or d = 1024 or d = 2048 or d = 4096 or d = 8192 or d = 16384 or d = 32768 or d = 65536 or d = 131072 or d = 262144 or d = 524288) and q_start + 48t - d - 7 <= 8c <= q_start + 48t + 47 - d) }"
  }
}
