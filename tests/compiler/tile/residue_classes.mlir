// A dilated window, `0 <= q - k <= 400 and (q - k) mod 4 == 0`: tile t holds every fourth row, those
// that leave t mod 4. Tiles of equal residue form a dense window, and no mask tests a residue.
builtin.module {
  tile.kernel @residue_classes heads 0 / 0 dims 64 / 64 tile 48 x 8 rows "4 * (48 * (t div 4) + r) + t mod 4" keys "4 * (8 * (c div 4) + r) + c mod 4" inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.for "i" from "max(0, 6 * (t div 4) - 6)" to "min(6 * (t div 4), (k_len - t mod 4 + 3) div 32)" step 1 {
        tile.push "4 * i + t mod 4"
      }
    } each {
      %1 = tile.load "k" : !tile.block<"kd">
      %2 = tile.dot %0, %1 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %3 = tile.online_softmax %2 : !tile.block<"kq"> -> !tile.block<"kq">
      %4 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %3, %4 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.visit "partial" by "loops" plan {
      tile.for "i" from "max(0, 6 * (t div 4) - 13)" to "min(6 * (t div 4) - 6, (k_len - t mod 4 + 31) div 32)" step 1 {
        tile.push "4 * i + t mod 4"
      }
      tile.for "i" from "max(max(0, 6 * (t div 4) - 6), min(6 * (t div 4), (k_len - t mod 4 + 3) div 32))" to "min(6 * (t div 4) + 6, (k_len - t mod 4 + 31) div 32)" step 1 {
        tile.push "4 * i + t mod 4"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "0 <= q - k <= 400" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
