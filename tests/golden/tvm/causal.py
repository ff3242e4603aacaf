# causal(), written by attnc 0.1.0
@I.ir_module
class Module:
    @T.prim_func(s_tir=True)
    def main(q_: T.handle, k_: T.handle, v_: T.handle, out_: T.handle, lse_: T.handle, rows_: T.handle, f_: T.handle, lists_: T.handle, order_: T.handle, scale: T.float32, threads: T.int32, tiles: T.int32, key_tiles: T.int32):
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        n = T.int64()
        heads = T.int64()
        kv_heads = T.int64()
        q_rows = T.int64()
        k_rows = T.int64()
        q_s0 = T.int64()
        q_s1 = T.int64()
        q_s2 = T.int64()
        q_m = T.match_buffer(q_, (n, heads, q_rows, T.int64(64),), 'float32', strides=(q_s0, q_s1, q_s2, T.int64(1),), align=4)
        k_s0 = T.int64()
        k_s1 = T.int64()
        k_s2 = T.int64()
        k_m = T.match_buffer(k_, (n, kv_heads, k_rows, T.int64(64),), 'float32', strides=(k_s0, k_s1, k_s2, T.int64(1),), align=4)
        v_s0 = T.int64()
        v_s1 = T.int64()
        v_s2 = T.int64()
        v_m = T.match_buffer(v_, (n, kv_heads, k_rows, T.int64(64),), 'float32', strides=(v_s0, v_s1, v_s2, T.int64(1),), align=4)
        out_s0 = T.int64()
        out_s1 = T.int64()
        out_s2 = T.int64()
        out_m = T.match_buffer(out_, (n, heads, q_rows, T.int64(64),), 'float32', strides=(out_s0, out_s1, out_s2, T.int64(1),), align=4)
        lse_s0 = T.int64()
        lse_s1 = T.int64()
        lse_s2 = T.int64()
        lse_m = T.match_buffer(lse_, (n, heads, q_rows,), 'float32', strides=(lse_s0, lse_s1, lse_s2,), align=4)
        rows_n = T.int64()
        rows_s0 = T.int64()
        rows_m = T.match_buffer(rows_, (rows_n, T.int64(6),), 'int32', strides=(rows_s0, T.int64(1),), align=4)
        f_width = T.int64()
        f_s0 = T.int64()
        f_m = T.match_buffer(f_, (T.Cast('int64', threads), f_width,), 'float32', strides=(f_s0, T.int64(1),), align=4)
        lists_width = T.int64()
        lists_s0 = T.int64()
        lists_m = T.match_buffer(lists_, (T.Cast('int64', threads), lists_width,), 'int32', strides=(lists_s0, T.int64(1),), align=4)
        order_n = T.int64()
        order_m = T.match_buffer(order_, (order_n,), 'int32', strides=(T.int64(1),), align=4)
        q_t = T.decl_buffer((T.int64(1099511627776),), 'float32', data=q_m.data)
        k_t = T.decl_buffer((T.int64(1099511627776),), 'float32', data=k_m.data)
        v_t = T.decl_buffer((T.int64(1099511627776),), 'float32', data=v_m.data)
        out_t = T.decl_buffer((T.int64(1099511627776),), 'float32', data=out_m.data)
        lse_t = T.decl_buffer((T.int64(1099511627776),), 'float32', data=lse_m.data)
        rows_t = T.decl_buffer((T.int64(1099511627776),), 'int32', data=rows_m.data)
        f = T.decl_buffer((T.int64(1099511627776),), 'float32', data=f_m.data)
        lists = T.decl_buffer((T.int64(1099511627776),), 'int32', data=lists_m.data)
        order = T.decl_buffer((T.int64(1099511627776),), 'int32', data=order_m.data)
        taken = T.alloc_buffer((1,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
        taken[0] = 0
        with T.attr(0, 'pragma_import_llvm', 'define linkonce_odr i32 @attnc.take(ptr %counter) alwaysinline {\n  %before = atomicrmw add ptr %counter, i32 1 monotonic\n  ret i32 %before\n}\n'):
            for worker in T.parallel(threads):
                query_at: T.int64 = T.Cast('int64', worker) * f_s0 + 0
                scores_at: T.int64 = T.Cast('int64', worker) * f_s0 + 3072
                output_at: T.int64 = T.Cast('int64', worker) * f_s0 + 6144
                maximum_at: T.int64 = T.Cast('int64', worker) * f_s0 + 9216
                total_at: T.int64 = T.Cast('int64', worker) * f_s0 + 9264
                rescale_at: T.int64 = T.Cast('int64', worker) * f_s0 + 9312
                lists_at: T.int64 = T.Cast('int64', worker) * lists_s0 + 0
                count = T.alloc_buffer((2,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
                head_count: T.int32 = T.Cast('int32', heads)
                group: T.int32 = T.Cast('int32', heads // kv_heads)
                all_units: T.int32 = T.Cast('int32', order_n)
                at_once: T.int32 = T.max(1, T.min(16, all_units // (threads * 32)))
                mine = T.alloc_buffer((1,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
                mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
                while mine[0] * at_once < all_units:
                    first_unit: T.int32 = mine[0] * at_once
                    for turn in range(T.min(at_once, all_units - first_unit)):
                        unit: T.int32 = first_unit + turn
                        item: T.int32 = order[unit]
                        t: T.int32 = item % tiles
                        h: T.int32 = (item // tiles) % head_count
                        s: T.int32 = item // (tiles * head_count)
                        q_row: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 0]
                        k_row: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 1]
                        q_start: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 2]
                        k_start: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 3]
                        q_len: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 4]
                        k_len: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 5]
                        i_first: T.int32 = t * 48
                        q_first: T.int32 = q_start + i_first
                        if t * 48 < q_len:
                            k_base: T.int64 = T.Cast('int64', s) * k_s0 + T.Cast('int64', (h // group)) * k_s1 + T.Cast('int64', k_row) * k_s2
                            v_base: T.int64 = T.Cast('int64', s) * v_s0 + T.Cast('int64', (h // group)) * v_s1 + T.Cast('int64', k_row) * v_s2
                            q_base: T.int64 = T.Cast('int64', s) * q_s0 + T.Cast('int64', h) * q_s1 + T.Cast('int64', q_row) * q_s2
                            out_base: T.int64 = T.Cast('int64', s) * out_s0 + T.Cast('int64', h) * out_s1 + T.Cast('int64', q_row) * out_s2
                            count[0] = 0
                            count[1] = 0
                            if k_len > 0:
                                pass
                                # the full tiles
                                low_1: T.int32 = 0
                                high_2: T.int32 = T.min(((6 * t) + T.floordiv((q_start + 1), 8)), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_2 - low_1)):
                                    c: T.int32 = low_1 + c_i
                                    tile: T.int32 = c
                                    lists[lists_at + 0 * key_tiles + count[0]] = tile
                                    count[0] = count[0] + 1
                                # the partial tiles
                                low_3: T.int32 = T.max(0, ((6 * t) + T.floordiv((q_start + 1), 8)))
                                high_4: T.int32 = T.min(T.min(((((6 * t) + T.floordiv((q_start - 1), 8)) + 6) + 1), (T.floordiv(((q_start + q_len) - 1), 8) + 1)), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_4 - low_3)):
                                    c: T.int32 = low_3 + c_i
                                    tile: T.int32 = c
                                    lists[lists_at + 1 * key_tiles + count[1]] = tile
                                    count[1] = count[1] + 1
                                if T.And(T.And((T.floormod(k_len, 8) >= 1), (((T.floormod(k_len, 8) + q_start) + q_len) >= (k_len + 1))), ((((T.floormod(k_len, 8) + q_start) + (48 * t)) + 47) >= k_len)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    lists[lists_at + 1 * key_tiles + count[1]] = tile
                                    count[1] = count[1] + 1
                            for i in range(count[1]):
                                lists[lists_at + count[0] + i] = lists[lists_at + key_tiles + i]
                            listed: T.int32 = count[0] + count[1]
                            turns: T.int32 = T.max(1, T.min(16, listed))
                            beyond: T.int32 = T.if_then_else(listed > 0, T.max(lists[lists_at + T.max(0, count[0] - 1)] * 8, lists[lists_at + T.max(0, listed - 1)] * 8) + 8, 0)
                            later: T.int32 = order[T.min(unit + 1, all_units - 1)]
                            later_t: T.int32 = later % tiles
                            later_s: T.int32 = later // (tiles * head_count)
                            heads_on: T.int64 = T.Cast('int64', (later // tiles) % head_count - h)
                            entries_on: T.int64 = T.Cast('int64', later_s - s)
                            rows_on: T.int64 = T.Cast('int64', rows_t[T.Cast('int64', later_s) * rows_s0] - q_row + later_t * 48 - (t * 48))
                            q_on: T.int64 = rows_on * q_s2 + heads_on * q_s1 + entries_on * q_s0
                            out_on: T.int64 = rows_on * out_s2 + heads_on * out_s1 + entries_on * out_s0
                            asked: T.int32 = (48 + turns - 1) // turns
                            # query [d 64, q 48], scaled
                            factor: T.float32 = (scale * T.float32(1.4426950408889634))
                            for v in range(3):
                                for block in range(4):
                                    first: T.int32 = T.min(block * 16, 48)
                                    x_5 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    x_6 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for i in T.unroll(16):
                                        x_5[i] = q_t[T.ramp(q_base + T.Cast('int64', T.min(i_first + (v * 16 + i), q_len - 1)) * q_s2 + first, 1, 16)] * T.broadcast(factor, 16)
                                    for i in T.unroll(8):
                                        x_6[2 * i + 0] = T.Shuffle([x_5[i // 1 * 2 + i % 1], x_5[i // 1 * 2 + i % 1 + 1]], [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
                                        x_6[2 * i + 1] = T.Shuffle([x_5[i // 1 * 2 + i % 1], x_5[i // 1 * 2 + i % 1 + 1]], [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_5[2 * i + 0] = T.Shuffle([x_6[i // 2 * 4 + i % 2], x_6[i // 2 * 4 + i % 2 + 2]], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
                                        x_5[2 * i + 1] = T.Shuffle([x_6[i // 2 * 4 + i % 2], x_6[i // 2 * 4 + i % 2 + 2]], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_6[2 * i + 0] = T.Shuffle([x_5[i // 4 * 8 + i % 4], x_5[i // 4 * 8 + i % 4 + 4]], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29])
                                        x_6[2 * i + 1] = T.Shuffle([x_5[i // 4 * 8 + i % 4], x_5[i // 4 * 8 + i % 4 + 4]], [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
                                    for i in T.unroll(8):
                                        x_5[2 * i + 0] = T.Shuffle([x_6[i // 8 * 16 + i % 8], x_6[i // 8 * 16 + i % 8 + 8]], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
                                        x_5[2 * i + 1] = T.Shuffle([x_6[i // 8 * 16 + i % 8], x_6[i // 8 * 16 + i % 8 + 8]], [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
                                    for i in T.unroll(16):
                                        f[T.ramp(query_at + (first + i) * 48 + v * 16, 1, 16)] = x_5[i]
                            for i in range(192):
                                f[T.ramp(output_at + i * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                            for v in T.unroll(3):
                                f[T.ramp(maximum_at + v * 16, 1, 16)] = T.broadcast(T.float32(-1e+30), 16)
                                f[T.ramp(total_at + v * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                            for i in range((listed + 7) // 8):
                                list_left: T.int32 = listed - i * 8
                                tiles_now: T.int32 = T.min(8, list_left)
                                full_left: T.int32 = count[0] - i * 8
                                full_now: T.int32 = T.max(0, T.min(full_left, tiles_now))
                                list_at: T.int64 = lists_at + i * 8
                                # scores [k 8, q 48] = k [k, d 64] . query [d, q]
                                for g in range(tiles_now):
                                    row_first: T.int32 = lists[list_at + g] * 8
                                    k_0: T.int64 = k_base + T.Cast('int64', T.min(row_first + 0, k_len - 1)) * k_s2
                                    k_1: T.int64 = k_base + T.Cast('int64', T.min(row_first + 1, k_len - 1)) * k_s2
                                    k_2: T.int64 = k_base + T.Cast('int64', T.min(row_first + 2, k_len - 1)) * k_s2
                                    k_3: T.int64 = k_base + T.Cast('int64', T.min(row_first + 3, k_len - 1)) * k_s2
                                    k_4: T.int64 = k_base + T.Cast('int64', T.min(row_first + 4, k_len - 1)) * k_s2
                                    k_5: T.int64 = k_base + T.Cast('int64', T.min(row_first + 5, k_len - 1)) * k_s2
                                    k_6: T.int64 = k_base + T.Cast('int64', T.min(row_first + 6, k_len - 1)) * k_s2
                                    k_7: T.int64 = k_base + T.Cast('int64', T.min(row_first + 7, k_len - 1)) * k_s2
                                    k_later: T.int64 = k_base + T.Cast('int64', lists[list_at + T.min(g + 1, list_left - 1)] * 8) * k_s2
                                    v_later: T.int64 = v_base + T.Cast('int64', lists[list_at + T.min(g + 1, list_left - 1)] * 8) * v_s2
                                    if list_left - g <= 16:
                                        for ask in range(asked):
                                            row_7: T.let = T.min((list_left - g - 1) * asked + ask, 47)
                                            at_8: T.let = q_base + T.Cast('int64', i_first + row_7) * q_s2 + q_on
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_8 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_8 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_8 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_8 + 48]), 0, 2, 1))
                                            at_9: T.let = out_base + T.Cast('int64', i_first + row_7) * out_s2 + out_on
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_9 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_9 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_9 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_9 + 48]), 0, 2, 1))
                                            place_10: T.let = T.Cast('int64', T.min(beyond + row_7 * 1, k_len - 1))
                                            at_11: T.let = k_base + place_10 * k_s2
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_11 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_11 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_11 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_11 + 48]), 0, 2, 1))
                                            at_12: T.let = v_base + place_10 * v_s2
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_12 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_12 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_12 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_12 + 48]), 0, 2, 1))
                                    scores0 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores1 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores2 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores3 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores4 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores5 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores6 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores7 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for v in T.unroll(3):
                                        scores0[v] = T.broadcast(T.float32(0.0), 16)
                                        scores1[v] = T.broadcast(T.float32(0.0), 16)
                                        scores2[v] = T.broadcast(T.float32(0.0), 16)
                                        scores3[v] = T.broadcast(T.float32(0.0), 16)
                                        scores4[v] = T.broadcast(T.float32(0.0), 16)
                                        scores5[v] = T.broadcast(T.float32(0.0), 16)
                                        scores6[v] = T.broadcast(T.float32(0.0), 16)
                                        scores7[v] = T.broadcast(T.float32(0.0), 16)
                                    for j in range(8):
                                        at_13: T.let = k_later + j * k_s2
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_13 + 0]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_13 + 16]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_13 + 32]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_13 + 48]), 0, 3, 1))
                                        at_14: T.let = v_later + j * v_s2
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_14 + 0]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_14 + 16]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_14 + 32]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_14 + 48]), 0, 3, 1))
                                        for step in range(8):
                                            d: T.int32 = j * 8 + step
                                            scores0[0] = scores0[0] + T.broadcast(k_t[k_0 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores0[1] = scores0[1] + T.broadcast(k_t[k_0 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores0[2] = scores0[2] + T.broadcast(k_t[k_0 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores1[0] = scores1[0] + T.broadcast(k_t[k_1 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores1[1] = scores1[1] + T.broadcast(k_t[k_1 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores1[2] = scores1[2] + T.broadcast(k_t[k_1 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores2[0] = scores2[0] + T.broadcast(k_t[k_2 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores2[1] = scores2[1] + T.broadcast(k_t[k_2 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores2[2] = scores2[2] + T.broadcast(k_t[k_2 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores3[0] = scores3[0] + T.broadcast(k_t[k_3 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores3[1] = scores3[1] + T.broadcast(k_t[k_3 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores3[2] = scores3[2] + T.broadcast(k_t[k_3 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores4[0] = scores4[0] + T.broadcast(k_t[k_4 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores4[1] = scores4[1] + T.broadcast(k_t[k_4 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores4[2] = scores4[2] + T.broadcast(k_t[k_4 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores5[0] = scores5[0] + T.broadcast(k_t[k_5 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores5[1] = scores5[1] + T.broadcast(k_t[k_5 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores5[2] = scores5[2] + T.broadcast(k_t[k_5 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores6[0] = scores6[0] + T.broadcast(k_t[k_6 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores6[1] = scores6[1] + T.broadcast(k_t[k_6 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores6[2] = scores6[2] + T.broadcast(k_t[k_6 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                            scores7[0] = scores7[0] + T.broadcast(k_t[k_7 + d], 16) * f[T.ramp(query_at + d * 48 + 0, 1, 16)]
                                            scores7[1] = scores7[1] + T.broadcast(k_t[k_7 + d], 16) * f[T.ramp(query_at + d * 48 + 16, 1, 16)]
                                            scores7[2] = scores7[2] + T.broadcast(k_t[k_7 + d], 16) * f[T.ramp(query_at + d * 48 + 32, 1, 16)]
                                    for v in T.unroll(3):
                                        f[T.ramp(scores_at + (g * 8 + 0) * 48 + v * 16, 1, 16)] = scores0[v]
                                        f[T.ramp(scores_at + (g * 8 + 1) * 48 + v * 16, 1, 16)] = scores1[v]
                                        f[T.ramp(scores_at + (g * 8 + 2) * 48 + v * 16, 1, 16)] = scores2[v]
                                        f[T.ramp(scores_at + (g * 8 + 3) * 48 + v * 16, 1, 16)] = scores3[v]
                                        f[T.ramp(scores_at + (g * 8 + 4) * 48 + v * 16, 1, 16)] = scores4[v]
                                        f[T.ramp(scores_at + (g * 8 + 5) * 48 + v * 16, 1, 16)] = scores5[v]
                                        f[T.ramp(scores_at + (g * 8 + 6) * 48 + v * 16, 1, 16)] = scores6[v]
                                        f[T.ramp(scores_at + (g * 8 + 7) * 48 + v * 16, 1, 16)] = scores7[v]
                                # partial tiles
                                for behind in range(tiles_now - full_now):
                                    g: T.int32 = full_now + behind
                                    for j in range(8):
                                        row: T.int32 = lists[list_at + g] * 8 + j
                                        key: T.int32 = k_start + row
                                        for v in T.unroll(3):
                                            query: T.let = T.ramp(q_first + v * 16, 1, 16)
                                            # only where k <= q
                                            s_15: T.let = T.Select(T.And(T.broadcast((key < (k_start + k_len)), 16), (T.broadcast(key, 16) <= query)), f[T.ramp(scores_at + (g * 8 + j) * 48 + v * 16, 1, 16)], T.broadcast(T.float32(-1e+38), 16))
                                            f[T.ramp(scores_at + (g * 8 + j) * 48 + v * 16, 1, 16)] = s_15
                                for v in T.unroll(3):
                                    top = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    top[0] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[1] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[2] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[3] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    for j in range(tiles_now * 2):
                                        top[0] = T.max(top[0], f[T.ramp(scores_at + (j * 4 + 0) * 48 + v * 16, 1, 16)])
                                        top[1] = T.max(top[1], f[T.ramp(scores_at + (j * 4 + 1) * 48 + v * 16, 1, 16)])
                                        top[2] = T.max(top[2], f[T.ramp(scores_at + (j * 4 + 2) * 48 + v * 16, 1, 16)])
                                        top[3] = T.max(top[3], f[T.ramp(scores_at + (j * 4 + 3) * 48 + v * 16, 1, 16)])
                                    top[0] = T.max(T.max(top[0], top[1]), T.max(top[2], top[3]))
                                    x_16 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    x_16[0] = (f[T.ramp(maximum_at + v * 16, 1, 16)] - top[0])
                                    r_17: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_16[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                    p_18: T.let = T.broadcast(T.float32(0.00186713), 16) * r_17 + T.broadcast(T.float32(0.00901703), 16)
                                    p_19: T.let = p_18 * r_17 + T.broadcast(T.float32(0.05579991), 16)
                                    p_20: T.let = p_19 * r_17 + T.broadcast(T.float32(0.24016445), 16)
                                    p_21: T.let = p_20 * r_17 + T.broadcast(T.float32(0.69315131), 16)
                                    f[T.ramp(rescale_at + v * 16, 1, 16)] = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_21 * r_17) + T.broadcast(T.float32(1.0), 16), x_16[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                    f[T.ramp(maximum_at + v * 16, 1, 16)] = top[0]
                                    part = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    part[0] = f[T.ramp(total_at + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                    part[1] = T.broadcast(T.float32(0.0), 16)
                                    part[2] = T.broadcast(T.float32(0.0), 16)
                                    part[3] = T.broadcast(T.float32(0.0), 16)
                                    for j in range(tiles_now * 2):
                                        x_22 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_22[0] = (f[T.ramp(scores_at + (j * 4 + 0) * 48 + v * 16, 1, 16)] - top[0])
                                        r_23: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_22[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_24: T.let = T.broadcast(T.float32(0.00186713), 16) * r_23 + T.broadcast(T.float32(0.00901703), 16)
                                        p_25: T.let = p_24 * r_23 + T.broadcast(T.float32(0.05579991), 16)
                                        p_26: T.let = p_25 * r_23 + T.broadcast(T.float32(0.24016445), 16)
                                        p_27: T.let = p_26 * r_23 + T.broadcast(T.float32(0.69315131), 16)
                                        w_28: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_27 * r_23) + T.broadcast(T.float32(1.0), 16), x_22[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[0] = part[0] + w_28
                                        x_29 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_29[0] = (f[T.ramp(scores_at + (j * 4 + 1) * 48 + v * 16, 1, 16)] - top[0])
                                        r_30: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_29[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_31: T.let = T.broadcast(T.float32(0.00186713), 16) * r_30 + T.broadcast(T.float32(0.00901703), 16)
                                        p_32: T.let = p_31 * r_30 + T.broadcast(T.float32(0.05579991), 16)
                                        p_33: T.let = p_32 * r_30 + T.broadcast(T.float32(0.24016445), 16)
                                        p_34: T.let = p_33 * r_30 + T.broadcast(T.float32(0.69315131), 16)
                                        w_35: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_34 * r_30) + T.broadcast(T.float32(1.0), 16), x_29[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[1] = part[1] + w_35
                                        x_36 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_36[0] = (f[T.ramp(scores_at + (j * 4 + 2) * 48 + v * 16, 1, 16)] - top[0])
                                        r_37: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_36[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_38: T.let = T.broadcast(T.float32(0.00186713), 16) * r_37 + T.broadcast(T.float32(0.00901703), 16)
                                        p_39: T.let = p_38 * r_37 + T.broadcast(T.float32(0.05579991), 16)
                                        p_40: T.let = p_39 * r_37 + T.broadcast(T.float32(0.24016445), 16)
                                        p_41: T.let = p_40 * r_37 + T.broadcast(T.float32(0.69315131), 16)
                                        w_42: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_41 * r_37) + T.broadcast(T.float32(1.0), 16), x_36[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[2] = part[2] + w_42
                                        x_43 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_43[0] = (f[T.ramp(scores_at + (j * 4 + 3) * 48 + v * 16, 1, 16)] - top[0])
                                        r_44: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_43[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_45: T.let = T.broadcast(T.float32(0.00186713), 16) * r_44 + T.broadcast(T.float32(0.00901703), 16)
                                        p_46: T.let = p_45 * r_44 + T.broadcast(T.float32(0.05579991), 16)
                                        p_47: T.let = p_46 * r_44 + T.broadcast(T.float32(0.24016445), 16)
                                        p_48: T.let = p_47 * r_44 + T.broadcast(T.float32(0.69315131), 16)
                                        w_49: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_48 * r_44) + T.broadcast(T.float32(1.0), 16), x_43[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[3] = part[3] + w_49
                                        f[T.ramp(scores_at + (j * 4 + 0) * 48 + v * 16, 1, 16)] = w_28
                                        f[T.ramp(scores_at + (j * 4 + 1) * 48 + v * 16, 1, 16)] = w_35
                                        f[T.ramp(scores_at + (j * 4 + 2) * 48 + v * 16, 1, 16)] = w_42
                                        f[T.ramp(scores_at + (j * 4 + 3) * 48 + v * 16, 1, 16)] = w_49
                                    f[T.ramp(total_at + v * 16, 1, 16)] = (part[0] + part[1]) + (part[2] + part[3])
                                # output [v 64, q 48] += v [k, v]^T . scores [k, q]
                                v_places = T.alloc_buffer((64,), 'int64', scope='local', annotations={'disable_lower_builtin': True})
                                for g in range(tiles_now):
                                    row_first: T.int32 = lists[list_at + g] * 8
                                    for j in range(8):
                                        v_places[g * 8 + j] = v_base + T.Cast('int64', T.min(row_first + j, k_len - 1)) * v_s2
                                for column in range(8):
                                    output0 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output1 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output2 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output3 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output4 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output5 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output6 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    output7 = T.alloc_buffer((3,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for v in T.unroll(3):
                                        output0[v] = f[T.ramp(output_at + (column * 8 + 0) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output1[v] = f[T.ramp(output_at + (column * 8 + 1) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output2[v] = f[T.ramp(output_at + (column * 8 + 2) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output3[v] = f[T.ramp(output_at + (column * 8 + 3) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output4[v] = f[T.ramp(output_at + (column * 8 + 4) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output5[v] = f[T.ramp(output_at + (column * 8 + 5) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output6[v] = f[T.ramp(output_at + (column * 8 + 6) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                        output7[v] = f[T.ramp(output_at + (column * 8 + 7) * 48 + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                    for g in range(tiles_now):
                                        for j in range(8):
                                            v_at: T.int64 = v_places[g * 8 + j] + column * 8
                                            output0[0] = output0[0] + T.broadcast(v_t[v_at + 0], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output0[1] = output0[1] + T.broadcast(v_t[v_at + 0], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output0[2] = output0[2] + T.broadcast(v_t[v_at + 0], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output1[0] = output1[0] + T.broadcast(v_t[v_at + 1], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output1[1] = output1[1] + T.broadcast(v_t[v_at + 1], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output1[2] = output1[2] + T.broadcast(v_t[v_at + 1], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output2[0] = output2[0] + T.broadcast(v_t[v_at + 2], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output2[1] = output2[1] + T.broadcast(v_t[v_at + 2], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output2[2] = output2[2] + T.broadcast(v_t[v_at + 2], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output3[0] = output3[0] + T.broadcast(v_t[v_at + 3], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output3[1] = output3[1] + T.broadcast(v_t[v_at + 3], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output3[2] = output3[2] + T.broadcast(v_t[v_at + 3], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output4[0] = output4[0] + T.broadcast(v_t[v_at + 4], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output4[1] = output4[1] + T.broadcast(v_t[v_at + 4], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output4[2] = output4[2] + T.broadcast(v_t[v_at + 4], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output5[0] = output5[0] + T.broadcast(v_t[v_at + 5], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output5[1] = output5[1] + T.broadcast(v_t[v_at + 5], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output5[2] = output5[2] + T.broadcast(v_t[v_at + 5], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output6[0] = output6[0] + T.broadcast(v_t[v_at + 6], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output6[1] = output6[1] + T.broadcast(v_t[v_at + 6], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output6[2] = output6[2] + T.broadcast(v_t[v_at + 6], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                            output7[0] = output7[0] + T.broadcast(v_t[v_at + 7], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 0, 1, 16)]
                                            output7[1] = output7[1] + T.broadcast(v_t[v_at + 7], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 16, 1, 16)]
                                            output7[2] = output7[2] + T.broadcast(v_t[v_at + 7], 16) * f[T.ramp(scores_at + (g * 8 + j) * 48 + 32, 1, 16)]
                                    for v in T.unroll(3):
                                        f[T.ramp(output_at + (column * 8 + 0) * 48 + v * 16, 1, 16)] = output0[v]
                                        f[T.ramp(output_at + (column * 8 + 1) * 48 + v * 16, 1, 16)] = output1[v]
                                        f[T.ramp(output_at + (column * 8 + 2) * 48 + v * 16, 1, 16)] = output2[v]
                                        f[T.ramp(output_at + (column * 8 + 3) * 48 + v * 16, 1, 16)] = output3[v]
                                        f[T.ramp(output_at + (column * 8 + 4) * 48 + v * 16, 1, 16)] = output4[v]
                                        f[T.ramp(output_at + (column * 8 + 5) * 48 + v * 16, 1, 16)] = output5[v]
                                        f[T.ramp(output_at + (column * 8 + 6) * 48 + v * 16, 1, 16)] = output6[v]
                                        f[T.ramp(output_at + (column * 8 + 7) * 48 + v * 16, 1, 16)] = output7[v]
                            for v in T.unroll(3):
                                sums_50: T.let = f[T.ramp(total_at + v * 16, 1, 16)]
                                z_51: T.let = T.reinterpret('int32x16', sums_50)
                                n_52: T.let = T.shift_right(z_51 - T.broadcast(T.int32(1060439283), 16), T.broadcast(T.int32(23), 16))
                                m_53: T.let = T.reinterpret('float32x16', z_51 - T.shift_left(n_52, T.broadcast(T.int32(23), 16)))
                                y_54: T.let = (m_53 - T.broadcast(T.float32(1.0), 16)) / (m_53 + T.broadcast(T.float32(1.0), 16))
                                r_55: T.let = y_54 * y_54
                                p_56: T.let = T.broadcast(T.float32(0.2222222222222222), 16) * r_55 + T.broadcast(T.float32(0.2857142857142857), 16)
                                p_57: T.let = p_56 * r_55 + T.broadcast(T.float32(0.4), 16)
                                p_58: T.let = p_57 * r_55 + T.broadcast(T.float32(0.6666666666666666), 16)
                                p_59: T.let = p_58 * r_55 + T.broadcast(T.float32(2.0), 16)
                                e_60: T.let = T.Cast('float32x16', n_52) * T.broadcast(T.float32(0.6931471805599453), 16) + p_59 * y_54
                                f[T.ramp(maximum_at + v * 16, 1, 16)] = T.Select(sums_50 != T.broadcast(T.float32(0.0), 16), f[T.ramp(maximum_at + v * 16, 1, 16)] * T.broadcast(T.float32(0.6931471805599453), 16) + e_60, T.broadcast(T.float32('-inf'), 16))
                                f[T.ramp(total_at + v * 16, 1, 16)] = T.Select(sums_50 != T.broadcast(T.float32(0.0), 16), T.broadcast(T.float32(1.0), 16) / sums_50, T.broadcast(T.float32(0.0), 16))
                            # out_t [q 48, v 64] = output^T / total
                            for turn in range(3):
                                v: T.int32 = 2 - turn
                                for block in range(4):
                                    first: T.int32 = T.min(block * 16, 48)
                                    x_61 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    x_62 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for i in T.unroll(16):
                                        x_61[i] = f[T.ramp(output_at + (first + i) * 48 + v * 16, 1, 16)] * f[T.ramp(total_at + v * 16, 1, 16)]
                                    for i in T.unroll(8):
                                        x_62[2 * i + 0] = T.Shuffle([x_61[i // 1 * 2 + i % 1], x_61[i // 1 * 2 + i % 1 + 1]], [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
                                        x_62[2 * i + 1] = T.Shuffle([x_61[i // 1 * 2 + i % 1], x_61[i // 1 * 2 + i % 1 + 1]], [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_61[2 * i + 0] = T.Shuffle([x_62[i // 2 * 4 + i % 2], x_62[i // 2 * 4 + i % 2 + 2]], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
                                        x_61[2 * i + 1] = T.Shuffle([x_62[i // 2 * 4 + i % 2], x_62[i // 2 * 4 + i % 2 + 2]], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_62[2 * i + 0] = T.Shuffle([x_61[i // 4 * 8 + i % 4], x_61[i // 4 * 8 + i % 4 + 4]], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29])
                                        x_62[2 * i + 1] = T.Shuffle([x_61[i // 4 * 8 + i % 4], x_61[i // 4 * 8 + i % 4 + 4]], [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
                                    for i in T.unroll(8):
                                        x_61[2 * i + 0] = T.Shuffle([x_62[i // 8 * 16 + i % 8], x_62[i // 8 * 16 + i % 8 + 8]], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
                                        x_61[2 * i + 1] = T.Shuffle([x_62[i // 8 * 16 + i % 8], x_62[i // 8 * 16 + i % 8 + 8]], [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
                                    for i in T.unroll(16):
                                        out_t[T.ramp(out_base + T.Cast('int64', i_first + T.min((v * 16 + 15 - i), T.min(48, q_len - i_first) - 1)) * out_s2 + first, 1, 16)] = (x_61[15 - i])
                            for r in range(T.min(48, q_len - i_first)):
                                lse_at: T.int64 = T.Cast('int64', s) * lse_s0 + T.Cast('int64', h) * lse_s1 + T.Cast('int64', q_row + i_first + r) * lse_s2
                                lse_t[lse_at] = f[maximum_at + r]
                    mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
    @T.prim_func(s_tir=True)
    def plan(rows_: T.handle, offsets_: T.handle, table_: T.handle, heads: T.int32, tiles: T.int32, threads: T.int32, fill: T.int32):
        T.func_attr({"global_symbol": "plan", "tirx.noalias": True})
        rows_n = T.int64()
        rows_s0 = T.int64()
        rows_m = T.match_buffer(rows_, (rows_n, T.int64(6),), 'int32', strides=(rows_s0, T.int64(1),), align=4)
        offsets_n = T.int64()
        offsets_m = T.match_buffer(offsets_, (offsets_n,), 'int64', strides=(T.int64(1),), align=4)
        table_n = T.int64()
        table_m = T.match_buffer(table_, (table_n,), 'int32', strides=(T.int64(1),), align=4)
        rows_t = T.decl_buffer((T.int64(1099511627776),), 'int32', data=rows_m.data)
        offsets = T.decl_buffer((T.int64(1099511627776),), 'int64', data=offsets_m.data)
        table = T.decl_buffer((T.int64(1099511627776),), 'int32', data=table_m.data)
        taken = T.alloc_buffer((1,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
        taken[0] = 0
        with T.attr(0, 'pragma_import_llvm', 'define linkonce_odr i32 @attnc.take(ptr %counter) alwaysinline {\n  %before = atomicrmw add ptr %counter, i32 1 monotonic\n  ret i32 %before\n}\n'):
            for worker in T.parallel(threads):
                count = T.alloc_buffer((2,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
                all_units: T.int32 = T.Cast('int32', rows_n) * heads * tiles
                at_once: T.int32 = T.max(1, T.min(16, all_units // (threads * 32)))
                mine = T.alloc_buffer((1,), 'int32', scope='local', annotations={'disable_lower_builtin': True})
                mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
                while mine[0] * at_once < all_units:
                    first_unit: T.int32 = mine[0] * at_once
                    for turn in range(T.min(at_once, all_units - first_unit)):
                        unit: T.int32 = first_unit + turn
                        t: T.int32 = unit % tiles
                        h: T.int32 = (unit // tiles) % heads
                        s: T.int32 = unit // (tiles * heads)
                        q_row: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 0]
                        k_row: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 1]
                        q_start: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 2]
                        k_start: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 3]
                        q_len: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 4]
                        k_len: T.int32 = rows_t[T.Cast('int64', s) * rows_s0 + 5]
                        i_first: T.int32 = t * 48
                        q_first: T.int32 = q_start + i_first
                        if t * 48 < q_len:
                            count[0] = 0
                            count[1] = 0
                            if k_len > 0:
                                pass
                                # the full tiles
                                low_63: T.int32 = 0
                                high_64: T.int32 = T.min(((6 * t) + T.floordiv((q_start + 1), 8)), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_64 - low_63)):
                                    c: T.int32 = low_63 + c_i
                                    tile: T.int32 = c
                                    count[0] = count[0] + 1
                                # the partial tiles
                                low_65: T.int32 = T.max(0, ((6 * t) + T.floordiv((q_start + 1), 8)))
                                high_66: T.int32 = T.min(T.min(((((6 * t) + T.floordiv((q_start - 1), 8)) + 6) + 1), (T.floordiv(((q_start + q_len) - 1), 8) + 1)), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_66 - low_65)):
                                    c: T.int32 = low_65 + c_i
                                    tile: T.int32 = c
                                    count[1] = count[1] + 1
                                if T.And(T.And((T.floormod(k_len, 8) >= 1), (((T.floormod(k_len, 8) + q_start) + q_len) >= (k_len + 1))), ((((T.floormod(k_len, 8) + q_start) + (48 * t)) + 47) >= k_len)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    count[1] = count[1] + 1
                            if fill == 0:
                                offsets[unit * 2 + 0] = T.Cast('int64', count[0])
                                offsets[unit * 2 + 1] = T.Cast('int64', count[1])
                    mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
