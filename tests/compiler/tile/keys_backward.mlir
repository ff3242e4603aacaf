// dK and dV on a CPU: the kernel owns 48 keys and visits the queries that saw them, 8 at a time.
builtin.module {
  tile.kernel @keys_backward heads 0 / 0 dims 64 / 64 tile 8 x 48 owner "k" inputs [] cross 0 {
    %0 = tile.load "k" : !tile.block<"kd">
    %1 = tile.load "v" : !tile.block<"kv">
    tile.visit "partial" by "loops" plan {
      tile.for "t" from "max(0, (48 * c - q_start) div 8)" to "min((48 * c - q_start + 111) div 8 + 1, (q_len + 7) div 8)" step 1 {
        tile.push "t"
      }
    } each {
      %2 = tile.load "q" : !tile.block<"qd">
      %3 = tile.dot %0, %2 : !tile.block<"kd">, !tile.block<"qd"> -> !tile.block<"kq">
      %4 = tile.mask %3 where "-64 <= k - q <= 0" : !tile.block<"kq"> -> !tile.block<"kq">
      %5 = tile.load "lse" : !tile.block<"q">
      %6 = tile.map %4, %5 named ["s", "lse"] as "exp(s - lse)" : !tile.block<"kq">, !tile.block<"q"> -> !tile.block<"kq">
      %7 = tile.load "do" : !tile.block<"qv">
      tile.accumulate %6, %7 into "dv" : !tile.block<"kq">, !tile.block<"qv">
      %8 = tile.dot %1, %7 : !tile.block<"kv">, !tile.block<"qv"> -> !tile.block<"kq">
      %9 = tile.load "delta" : !tile.block<"q">
      %10 = tile.map %6, %8, %9 named ["p", "dp", "delta"] as "p * (dp - delta)" : !tile.block<"kq">, !tile.block<"kq">, !tile.block<"q"> -> !tile.block<"kq">
      tile.accumulate %10, %2 into "dk" : !tile.block<"kq">, !tile.block<"qd">
    }
    tile.store "dk"
    tile.store "dv"
  }
}
