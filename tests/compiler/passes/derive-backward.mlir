// The weights from the log-sum-exp, then each gradient: of the values, of the scores through the
// score expression, of the input that is asked for, of the keys and of the queries visited.
// CHECK:      tile.kernel @biased heads 8 / 2 dims 64 / 32 tile 8 x 48 owner "k" inputs [#attn.input<"bias", "float", "h">, #attn.input<"other", "float", "h">] cross 1 {
// CHECK-NEXT:   %[[K:.+]] = tile.load "k" : !tile.block<"kd">
// CHECK-NEXT:   %[[V:.+]] = tile.load "v" : !tile.block<"kv">
// CHECK-NEXT:   tile.visit "partial" by "loops" plan {
// CHECK-NEXT:     tile.push "c"
// CHECK-NEXT:   } each {
// CHECK-NEXT:     %[[Q:.+]] = tile.load "q" : !tile.block<"qd">
// CHECK-NEXT:     %[[S:.+]] = tile.dot %[[K]], %[[Q]] : !tile.block<"kd">, !tile.block<"qd"> -> !tile.block<"kq">
// CHECK-NEXT:     %[[L:.+]] = tile.load "lse" : !tile.block<"q">
// CHECK-NEXT:     %[[B:.+]] = tile.score %[[S]] as "s * s + bias[h] * other[h]"
// CHECK-NEXT:     %[[M:.+]] = tile.mask %[[B]] where "k <= q"
// CHECK-NEXT:     %[[P:.+]] = tile.map %[[M]], %[[L]] named ["s", "lse"] as "exp(s - lse)"
// CHECK-NEXT:     %[[DO:.+]] = tile.load "do" : !tile.block<"qv">
// CHECK-NEXT:     tile.accumulate %[[P]], %[[DO]] into "dv"
// CHECK-NEXT:     %[[DP:.+]] = tile.dot %[[V]], %[[DO]]
// CHECK-NEXT:     %[[DELTA:.+]] = tile.load "delta" : !tile.block<"q">
// CHECK-NEXT:     %[[G:.+]] = tile.map %[[P]], %[[DP]], %[[DELTA]] named ["p", "dp", "delta"] as "p * (dp - delta)"
// CHECK-NEXT:     tile.collect %[[G]] named ["g"] as "g * other[h]" into "bias" at "bias[h]"
// CHECK-NEXT:     %[[DS:.+]] = tile.map %[[G]], %[[S]] named ["g", "s"] as "g * (s + s)"
// CHECK-NEXT:     tile.accumulate %[[DS]], %[[Q]] into "dk"
// CHECK-NEXT:     tile.accumulate %[[DS]], %[[K]] into "dq"
// CHECK-NEXT:   }
// CHECK-NEXT:   tile.store "dk" times "scale"
// CHECK-NEXT:   tile.store "dv"
// CHECK-NOT:  attn.attention
builtin.module {
  attn.attention @biased heads 8 / 2 dims 64 / 32 inputs [#attn.input<"bias", "float", "h">, #attn.input<"other", "float", "h">] cross 1 {
    attn.relation "k <= q" upper "{ [q, k] : k <= q }"
    attn.score "s * s + bias[h] * other[h]"
    attn.normalize "softmax"
    attn.tiling 8 x 48 owner "k"
    attn.classes full "{ [t, c] : c < t }" partial "{ [t, c] : c = t }"
    attn.visits "partial" by "loops" {
      tile.push "c"
    }
  }
}
