// A tree of set operations becomes one condition; where each set was written is dropped with it.
// CHECK:      attn.attention @tree
// CHECK-NEXT:   %[[P:.+]] = attn.pairs "k <= q and -20 <= k - q <= 20 and k >= 4 or q div 8 != k div 8" : !attn.set
// CHECK-NEXT:   attn.mask %[[P]] : !attn.set
// CHECK-NEXT:   attn.score "s - (q - k)"
// CHECK-NEXT:   attn.normalize "softmax"
// CHECK-NEXT:   attn.assert "covers"
// CHECK-NEXT: }
builtin.module {
  attn.attention @tree heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    %0 = attn.pairs "k <= q" from "tree.attn:2:10: causal" : !attn.set
    %1 = attn.pairs "-20 <= k - q <= 20" from "tree.attn:2:19: window(20)" : !attn.set
    %2 = attn.intersect %0, %1 : !attn.set, !attn.set -> !attn.set
    %3 = attn.pairs "k < 4" from "tree.attn:2:33: sink(4)" : !attn.set
    %4 = attn.difference %2, %3 : !attn.set, !attn.set -> !attn.set
    %5 = attn.pairs "q div 8 == k div 8" from "tree.attn:2:44: blocks(8)" : !attn.set
    %6 = attn.complement %5 : !attn.set -> !attn.set
    %7 = attn.union %4, %6 : !attn.set, !attn.set -> !attn.set
    attn.mask %7 : !attn.set
    attn.score "s - (q - k)"
    attn.normalize "softmax"
    attn.assert "covers"
  }
}
// -----
// A set that is used twice is inlined twice; constants fold.
// CHECK:      attn.pairs "k <= q or k > q" : !attn.set
// CHECK-NOT:  attn.pairs
builtin.module {
  attn.attention @shared heads 4 / 2 dims 0 / 0 inputs [] cross 1 {
    %0 = attn.pairs "k <= q" : !attn.set
    %1 = attn.pairs "true" : !attn.set
    %2 = attn.intersect %0, %1 : !attn.set, !attn.set -> !attn.set
    %3 = attn.complement %0 : !attn.set -> !attn.set
    %4 = attn.union %2, %3 : !attn.set, !attn.set -> !attn.set
    attn.mask %4 : !attn.set
    attn.normalize "softmax"
  }
}
