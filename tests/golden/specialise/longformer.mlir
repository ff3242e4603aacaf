builtin.module {
  tile.kernel @longformer heads 0 / 0 dims 64 / 64 tile 16 x 8 inputs [] cross 0 {
    %0 = tile.load "q" : !tile.block<"qd">
    tile.visit "full" by "loops" plan {
      tile.for "c" from "0" to "min(2, k_len div 8)" step 1 {
        tile.push "c"
      }
      tile.if "q_start + 16 * t >= 1" {
        tile.for "c" from "max(2, 2 * t + (q_start - 2) div 8 - 29)" to "min(34, k_len div 8)" step 1 {
          tile.push "c"
        }
      }
      tile.for "c" from "max(34, 2 * t + (q_start - 2) div 8 - 29)" to "min(2 * t + (q_start + 1) div 8 + 31 + 1, k_len div 8)" step 1 {
        tile.push "c"
      }
      tile.if "q_start + 16 * t <= 0" {
        tile.for "c" from "2" to "k_len div 8" step 1 {
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
    tile.visit "partial" by "loops" plan {
      tile.if "k_len <= 15 and k_len mod 8 >= 1" {
        tile.push "(k_len - 1) div 8"
      }
      tile.if "q_start + 16 * t >= 1 and q_start + 16 * t <= 15" {
        tile.for "c" from "34" to "(k_len - 1) div 8 + 1" step 1 {
          tile.push "c"
        }
      }
      tile.if "k_len >= 16 and q_start + 16 * t <= 0 and k_len mod 8 >= 1" {
        tile.push "(k_len - 1) div 8"
      }
      tile.if "q_start + 16 * t >= 16" {
        tile.for "c" from "2 * t + (q_start + 1) div 8 + 32" to "min(min(2 * t + (q_start - 1) div 8 + 34 + 1, (q_start + q_len - 1) div 8 + 32 + 1), k_len div 8)" step 1 {
          tile.push "c"
        }
      }
      tile.if "k_len + 255 >= q_start + 16 * t" {
        tile.for "c" from "max(2, 2 * t + q_start div 8 - 32)" to "min(2 * t + (q_start - 2) div 8 - 30 + 1, (k_len - 1) div 8 + 1)" step 1 {
          tile.push "c"
        }
      }
      tile.if "k_len >= 16 and q_start + 16 * t >= 16 and k_len mod 8 >= 1 and k_len + 241 >= k_len mod 8 + q_start + 16 * t and k_len mod 8 + q_start + q_len + 255 >= k_len and k_len mod 8 + q_start + 16 * t + 271 >= k_len" {
        tile.push "(k_len - 1) div 8"
      }
      tile.if "k_len >= 16 and k_len <= 271 and q_start + 16 * t >= 1 and q_start + 16 * t <= 15 and k_len mod 8 >= 1" {
        tile.push "(k_len - 1) div 8"
      }
    } each {
      %5 = tile.load "k" : !tile.block<"kd">
      %6 = tile.dot %0, %5 : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
      %7 = tile.mask %6 where "-256 <= k - q <= 256 or (q < 16 or k < 16)" : !tile.block<"kq"> -> !tile.block<"kq">
      %8 = tile.online_softmax %7 : !tile.block<"kq"> -> !tile.block<"kq">
      %9 = tile.load "v" : !tile.block<"kv">
      tile.accumulate %8, %9 into "out" : !tile.block<"kq">, !tile.block<"kv">
    }
    tile.finish "softmax" into "out"
  }
}
