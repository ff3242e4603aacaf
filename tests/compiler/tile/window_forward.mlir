// Forward on a CPU: 48 queries in the lanes of three registers, 8 keys a tile, a causal window.
builtin.module {
  tile.kernel @window_forward heads 0 / 0 dims 64 / 64 tile 48 x 8 inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.for "c" from "max(0, (q_start + 48 * t - 10) div 8)" to "min((q_start + 48 * t + 1) div 8, k_len div 8)" step 1 {
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
      tile.for "c" from "max(0, (q_start + 48 * t - 64) div 8)" to "min((q_start + 48 * t - 10) div 8, (k_len + 7) div 8)" step 1 {
        tile.push "c"
      }
      tile.for "c" from "max(max(0, (q_start + 48 * t - 10) div 8), min((q_start + 48 * t + 1) div 8, k_len div 8))" to "min((q_start + 48 * t + 47) div 8 + 1, (k_len + 7) div 8)" step 1 {
        tile.push "c"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "-64 <= k - q <= 0" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
