builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    %0 = attn.pairs "-256 <= k - q <= 256" from "longformer.attn:3:10: window(w)" : !attn.set
    %1 = attn.pairs "q < 16 or k < 16" from "longformer.attn:3:22: global(g)" : !attn.set
    %2 = attn.union %0, %1 : !attn.set, !attn.set -> !attn.set
    attn.mask %2 : !attn.set
    attn.normalize "softmax"
    attn.assert "covers"
  }
}
