// A window with dilation 4 is a window on each residue class, whose rows lie 4 apart.
// CHECK:      attn.attention @dilated {{.*}} axes [#attn.axis<"", "", 0 : i64, 4 : i64, 0 : i64>] cross 0
// CHECK-NEXT: attn.relation "k + 31 >= q and q + 31 >= k" upper
builtin.module {
  attn.attention @dilated heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "abs(q - k) <= 124 and (q - k) mod 4 == 0" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
  }
}
// -----
// Classes of even positions see more than those of odd ones: nothing is split.
// CHECK:      attn.attention @uneven {{.*}} inputs [] cross 0
// CHECK-NEXT: attn.relation "k <= q and (q - k) mod 4 == 0 and (q mod 2 == 0 or q == k)"
builtin.module {
  attn.attention @uneven heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "k <= q and (q - k) mod 4 == 0 and (q mod 2 == 0 or q == k)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.normalize "softmax"
  }
}
// -----
// The score reads positions, which are not those within a class.
// CHECK:      attn.attention @biased {{.*}} inputs [] cross 0
// CHECK-NEXT: attn.relation "(q - k) mod 4 == 0"
builtin.module {
  attn.attention @biased heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "(q - k) mod 4 == 0" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : false }"
    attn.score "s - (q - k)"
    attn.normalize "softmax"
  }
}
