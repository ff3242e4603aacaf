// A plan of several loops runs once per call and fills a table, instead of once per head:
// `k <= q and (q - k < 64 or k div 64 mod 8 == 7)`, a window and every eighth block.
builtin.module {
  tile.kernel @index_table heads 0 / 0 dims 64 / 64 tile 64 x 8 inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "table" plan {
      tile.for "block" from "7" to "t" step 8 {
        tile.for "c" from "8 * block" to "min(8 * block + 8, k_len div 8)" step 1 {
          tile.push "c"
        }
      }
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
      %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %3 = tile.online_softmax %2 : !tile.block<"kq"> -> !tile.block<"kq">
      %4 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %3, %4 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.visit "partial" by "table" plan {
      tile.if "k_len mod 8 != 0 and k_len div 64 < t and k_len div 64 mod 8 == 7" {
        tile.push "k_len div 8"
      }
      tile.if "t mod 8 != 0" {
        tile.for "c" from "8 * t - 8" to "min(8 * t, (k_len + 7) div 8)" step 1 {
          tile.push "c"
        }
      }
      tile.for "c" from "8 * t" to "min(8 * t + 8, (k_len + 7) div 8)" step 1 {
        tile.push "c"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "k <= q and (q - k < 64 or k div 64 mod 8 == 7)" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
