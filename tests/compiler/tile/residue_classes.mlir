// A dilated window, `0 <= q - k <= 400 and (q - k) mod 4 == 0`: the rows that leave the same remainder
// are a sequence of their own, on which the pattern is a plain window of 100. Rows lie 4 apart.
builtin.module {
  tile.kernel @residue_classes heads 0 / 0 dims 64 / 64 tile 48 x 8 axes [#attn.axis<"", "", 48 : i64, 4 : i64, 0 : i64>] inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.for "c" from "max(0, 6 * t - 6)" to "min(6 * t, k_len div 8)" step 1 {
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
      tile.for "c" from "max(0, 6 * t - 13)" to "min(6 * t - 6, (k_len + 7) div 8)" step 1 {
        tile.push "c"
      }
      tile.for "c" from "max(max(0, 6 * t - 6), min(6 * t, k_len div 8))" to "min(6 * t + 6, (k_len + 7) div 8)" step 1 {
        tile.push "c"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "0 <= q - k <= 100" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
