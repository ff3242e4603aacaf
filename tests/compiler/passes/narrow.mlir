// No two positions below 2^30 are 2^31 apart: the window is no window.
// CHECK:      attn.relation "k <= q" upper "{{.*}} 0 <= k <= q and k < k_start + k_len }"
builtin.module {
  attn.attention @wide heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q and -3000000000 <= k - q <= 3000000000" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and k >= -3000000000 + q and 0 <= k <= q and k < k_start + k_len }"
    attn.normalize "softmax"
  }
}
// -----
// A difference of two positions can reach 2^31 - 2, so these tests stay as they are.
// CHECK:      attn.relation "k <= q and q - k < 2147483646" upper "[q_start] -> { [q, k] : k <= q and q_start >= 7 }"
builtin.module {
  attn.attention @near heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q and q - k < 2147483646" upper "[q_start] -> { [q, k] : k <= q and q_start >= 7 }"
    attn.normalize "softmax"
  }
}
