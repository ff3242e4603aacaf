// Decode with grouped heads: the four queries of a group are the rows of one tile, so that each key
// is read once for all of them; threads share the keys.
builtin.module {
  tile.kernel @packed_decode heads 32 / 8 dims 128 / 128 tile 4 x 64 packed 4 split inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.for "c" from "0" to "min((q_start + t + 1) div 64, k_len div 64)" step 1 {
        tile.push "c"
      }
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
      %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %3 = tile.online_softmax %2 : !tile.block<"kq"> -> !tile.block<"kq">
      %4 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %3, %4 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.visit "partial" by "loops" plan {
      tile.for "c" from "min((q_start + t + 1) div 64, k_len div 64)" to "min((q_start + t) div 64 + 1, (k_len + 63) div 64)" step 1 {
        tile.push "c"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "k <= q" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
