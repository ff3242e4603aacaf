builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-256 <= k - q <= 256 or (q < 16 or k < 16)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and (k <= 15 or q <= 15 or (-256 + q <= k <= 256 + q)) }"
    attn.normalize "softmax"
    attn.assert "covers" is "proved"
    attn.tiling 48 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c <= -8 + k_len and ((48t <= -32 - q_start and c >= 2) or c <= 1 or (c >= 34 and -209 + q_start + 48t <= 8c <= 249 + q_start + 48t) or (48t >= -31 - q_start and 2 <= c <= 33 and 8c >= -209 + q_start + 48t)) }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 48t < q_len and c >= 0 and 8c < k_len and ((48t <= -32 - q_start and c >= 2 and 8c >= -7 + k_len) or (c <= 1 and 8c >= -7 + k_len) or (-31 - q_start <= 48t <= 15 - q_start and c >= 34) or (c >= 34 and 250 + q_start + 48t <= 8c <= -8 + k_len and 8c <= 303 + q_start + 48t and 8c <= 255 + q_start + q_len) or (48t <= 255 - q_start + k_len and c >= 2 and -263 + q_start + 48t <= 8c <= -210 + q_start + 48t) or (c >= 34 and 8c >= -209 + q_start + 48t and -7 + k_len <= 8c <= 303 + q_start + 48t and 8c <= 255 + q_start + q_len) or (48t >= -31 - q_start and 2 <= c <= 33 and 8c >= -209 + q_start + 48t and 8c >= -7 + k_len)) }"
    attn.visits "full" by "loops" {
      tile.for "c" from "0" to "min(2, k_len div 8)" step 1 {
        tile.push "c"
      }
      tile.if "q_start + 48 * t >= -31" {
        tile.for "c" from "max(2, 6 * t + (q_start - 2) div 8 - 25)" to "min(34, k_len div 8)" step 1 {
          tile.push "c"
        }
      }
      tile.for "c" from "max(34, 6 * t + (q_start - 2) div 8 - 25)" to "min(6 * t + (q_start + 1) div 8 + 31 + 1, k_len div 8)" step 1 {
        tile.push "c"
      }
      tile.if "q_start + 48 * t <= -32" {
        tile.for "c" from "2" to "k_len div 8" step 1 {
          tile.push "c"
        }
      }
    }
    attn.visits "partial" by "loops" {
      tile.if "q_start + 48 * t <= 15 and q_start + 48 * t >= -31" {
        tile.for "c" from "34" to "(k_len - 1) div 8 + 1" step 1 {
          tile.push "c"
        }
      }
      tile.if "k_len >= 16 and q_start + 48 * t >= -31 and k_len + 255 >= q_start + 48 * t" {
        tile.for "c" from "max(2, 6 * t + q_start div 8 - 32)" to "min(6 * t + (q_start - 2) div 8 - 26 + 1, (k_len - 1) div 8 + 1)" step 1 {
          tile.push "c"
        }
        tile.if "k_len <= 271 and k_len mod 8 >= 1 and k_len + 209 >= k_len mod 8 + q_start + 48 * t" {
          tile.push "(k_len - 1) div 8"
        }
        tile.if "q_start + 48 * t >= 16" {
          tile.for "c" from "6 * t + (q_start + 1) div 8 + 32" to "min(min(6 * t + (q_start - 1) div 8 + 38 + 1, (q_start + q_len - 1) div 8 + 32 + 1), k_len div 8)" step 1 {
            tile.push "c"
          }
          tile.if "k_len >= 272 and k_len mod 8 >= 1 and k_len + 209 >= k_len mod 8 + q_start + 48 * t and k_len mod 8 + q_start + q_len + 255 >= k_len and k_len mod 8 + q_start + 48 * t + 303 >= k_len" {
            tile.push "(k_len - 1) div 8"
          }
        }
      }
      tile.if "not (k_len >= 16 and q_start + 48 * t >= -31 and k_len + 255 >= q_start + 48 * t)" {
        tile.if "k_len <= 15 and k_len mod 8 >= 1" {
          tile.push "(k_len - 1) div 8"
        }
        tile.if "not (k_len <= 15 and k_len mod 8 >= 1)" {
          tile.if "k_len >= 16 and q_start + 48 * t <= -32 and k_len mod 8 >= 1" {
            tile.push "(k_len - 1) div 8"
          }
        }
      }
    }
  }
}
