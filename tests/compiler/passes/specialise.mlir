// A full tile carries no mask; a partial one keeps it.
// CHECK:      tile.visit "full"
// CHECK:        %[[S:.+]] = tile.dot
// CHECK-NEXT:   tile.online_softmax %[[S]]
// CHECK:      tile.visit "partial"
// CHECK:        %[[S2:.+]] = tile.dot
// CHECK-NEXT:   %[[M:.+]] = tile.mask %[[S2]] where "k <= q"
// CHECK-NEXT:   tile.online_softmax %[[M]]
builtin.module {
  tile.kernel @causal heads 0 / 0 dims 64 / 64 tile 48 x 8 inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.push "0"
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
      %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %3 = tile.mask %2 where "k <= q" : !tile.block<"kq"> -> !tile.block<"kq">
      %4 = tile.online_softmax %3 : !tile.block<"kq"> -> !tile.block<"kq">
      %5 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %4, %5 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.visit "partial" by "loops" plan {
      tile.push "t"
    } each {
      %6 = tile.load "k" : !tile.block<"kd">
      %7 = tile.dot %0, %6 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %8 = tile.mask %7 where "k <= q" : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.online_softmax %8 : !tile.block<"kq"> -> !tile.block<"kq">
      %10 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %9, %10 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
// -----
// A visit with nothing to visit goes,
// CHECK:      tile.kernel @window
// CHECK-NOT:  tile.visit "full"
// CHECK:      tile.visit "partial"
builtin.module {
  tile.kernel @window heads 0 / 0 dims 64 / 64 tile 48 x 8 inputs [] cross 0 {
    tile.visit "full" by "loops" plan {
    ^bb0:
    } each {
      %0 = tile.load "k" : !tile.block<"kd">
    }
    tile.visit "partial" by "loops" plan {
      tile.push "t"
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
    }
    tile.finish "softmax" into "out"
  }
}
// -----
// unless tiles move to it while the kernel runs.
// CHECK:      tile.kernel @document
// CHECK:      tile.visit "full"
// CHECK-NOT:    tile.mask
// CHECK:      tile.visit "partial"
builtin.module {
  tile.kernel @document heads 0 / 0 dims 64 / 64 tile 48 x 8 inputs [#attn.input<"doc", "int", "token">] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
    ^bb0:
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
      %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %3 = tile.mask %2 where "doc[q] == doc[k]" : !tile.block<"kq"> -> !tile.block<"kq">
    }
    tile.visit "partial" by "loops" plan {
      tile.push "t" if "doc_q_low <= doc_k_high" full if "doc_q_low == doc_k_high"
    } each {
      %4 = tile.load "k" : !tile.block<"kd">
    }
    tile.finish "softmax" into "out"
  }
}
