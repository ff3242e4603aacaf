builtin.module {
  attn.attention @longformer heads 0 / 0 dims 64 / 64 inputs [] cross 0 {
    attn.relation "-256 <= k - q <= 256 or (q < 16 or k < 16)" upper "[q_start, k_start, q_len, k_len] -> { [q, k] : q_start <= q < q_start + q_len and k >= k_start and 0 <= k < k_start + k_len and (k <= 15 or q <= 15 or (-256 + q <= k <= 256 + q)) }"
    attn.normalize "softmax"
    attn.assert "covers" is "proved"
    attn.tiling 16 x 8
    attn.classes full "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 16t < q_len and c >= 0 and 8c <= -8 + k_len and (c <= 1 or (16t <= -q_start and c >= 2) or (c >= 34 and -241 + q_start + 16t <= 8c <= 249 + q_start + 16t) or (16t > -q_start and 2 <= c <= 33 and 8c >= -241 + q_start + 16t)) }" partial "[q_start, k_start, q_len, k_len] -> { [t, c] : k_start = 0 and t >= 0 and 16t < q_len and c >= 0 and 8c < k_len and ((c <= 1 and 8c >= -7 + k_len) or (-q_start < 16t <= 15 - q_start and c >= 34) or (16t <= -q_start and c >= 2 and 8c >= -7 + k_len) or (c >= 34 and 250 + q_start + 16t <= 8c <= -8 + k_len and 8c <= 271 + q_start + 16t and 8c <= 255 + q_start + q_len) or (16t <= 255 - q_start + k_len and c >= 2 and -263 + q_start + 16t <= 8c <= -242 + q_start + 16t) or (c >= 2 and 8c >= -241 + q_start + 16t and -7 + k_len <= 8c <= 271 + q_start + 16t and 8c <= 255 + q_start + q_len) or (-q_start < 16t <= 15 - q_start and 2 <= c <= 33 and 8c >= -7 + k_len)) }"
    attn.visits "full" by "loops" {
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
    }
    attn.visits "partial" by "loops" {
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
    }
  }
}
