builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    %0 = attn.pairs "-256 <= k - q <= 256 or (q < 16 or k < 16)" : !attn.set
    attn.mask %0 : !attn.set
    attn.normalize "softmax"
    attn.assert "covers"
  }
}
