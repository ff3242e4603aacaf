// One kernel; each class becomes a visit that scores, masks, weighs and accumulates.
// CHECK:      tile.kernel @biased heads 8 / 2 dims 64 / 32 tile 48 x 8 inputs [#attn.input<"bias", "float", "h">] cross 1 {
// CHECK-NEXT:   %[[Q:.+]] = tile.load "q" : !tile.block<"qd">
// CHECK-NEXT:   tile.visit "full" by "loops" plan {
// CHECK-NEXT:     tile.push "t"
// CHECK-NEXT:   } each {
// CHECK-NEXT:     %[[K:.+]] = tile.load "k" : !tile.block<"kd">
// CHECK-NEXT:     %[[S:.+]] = tile.dot %[[Q]], %[[K]] : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
// CHECK-NEXT:     %[[B:.+]] = tile.score %[[S]] as "s + bias[h]"
// CHECK-NEXT:     %[[M:.+]] = tile.mask %[[B]] where "k <= q"
// CHECK-NEXT:     %[[P:.+]] = tile.online_softmax %[[M]]
// CHECK-NEXT:     %[[V:.+]] = tile.load "v" : !tile.block<"kv">
// CHECK-NEXT:     tile.accumulate %[[P]], %[[V]] into "out"
// CHECK-NEXT:   }
// CHECK-NEXT:   tile.visit "partial" by "table" plan {
// CHECK:          tile.mask {{.*}} where "k <= q"
// CHECK:        tile.finish "softmax" into "out"
// CHECK-NOT:  attn.attention
builtin.module {
  attn.attention @biased heads 8 / 2 dims 64 / 32 inputs [#attn.input<"bias", "float", "h">] cross 1 {
    attn.relation "k <= q" upper "{ [q, k] : k <= q }"
    attn.score "s + bias[h]"
    attn.normalize "softmax"
    attn.assert "causal" is "proved"
    attn.tiling 48 x 8
    attn.classes full "{ [t, c] : c = t }" partial "{ [t, c] : c = 0 }"
    attn.visits "full" by "loops" {
      tile.push "t"
    }
    attn.visits "partial" by "table" {
      tile.push "0"
    }
  }
}
