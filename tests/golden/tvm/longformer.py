# longformer(w = 256, g = 16), written by attnc 0.1.0
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
                scores_at: T.int64 = T.Cast('int64', worker) * f_s0 + 1024
                output_at: T.int64 = T.Cast('int64', worker) * f_s0 + 2048
                maximum_at: T.int64 = T.Cast('int64', worker) * f_s0 + 3072
                total_at: T.int64 = T.Cast('int64', worker) * f_s0 + 3088
                rescale_at: T.int64 = T.Cast('int64', worker) * f_s0 + 3104
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
                        i_first: T.int32 = t * 16
                        q_first: T.int32 = q_start + i_first
                        if t * 16 < q_len:
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
                                high_2: T.int32 = T.min(2, T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_2 - low_1)):
                                    c: T.int32 = low_1 + c_i
                                    tile: T.int32 = c
                                    lists[lists_at + 0 * key_tiles + count[0]] = tile
                                    count[0] = count[0] + 1
                                if ((q_start + (16 * t)) >= 1):
                                    low_3: T.int32 = T.max(2, (((2 * t) + T.floordiv((q_start - 2), 8)) - 29))
                                    high_4: T.int32 = T.min(34, T.floordiv(k_len, 8))
                                    for c_i in range(T.max(0, high_4 - low_3)):
                                        c: T.int32 = low_3 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 0 * key_tiles + count[0]] = tile
                                        count[0] = count[0] + 1
                                low_5: T.int32 = T.max(34, (((2 * t) + T.floordiv((q_start - 2), 8)) - 29))
                                high_6: T.int32 = T.min(((((2 * t) + T.floordiv((q_start + 1), 8)) + 31) + 1), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_6 - low_5)):
                                    c: T.int32 = low_5 + c_i
                                    tile: T.int32 = c
                                    lists[lists_at + 0 * key_tiles + count[0]] = tile
                                    count[0] = count[0] + 1
                                if ((q_start + (16 * t)) <= 0):
                                    low_7: T.int32 = 2
                                    high_8: T.int32 = T.floordiv(k_len, 8)
                                    for c_i in range(T.max(0, high_8 - low_7)):
                                        c: T.int32 = low_7 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 0 * key_tiles + count[0]] = tile
                                        count[0] = count[0] + 1
                                # the partial tiles
                                if T.And((k_len <= 15), (T.floormod(k_len, 8) >= 1)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    lists[lists_at + 1 * key_tiles + count[1]] = tile
                                    count[1] = count[1] + 1
                                if T.And(((q_start + (16 * t)) >= 1), ((q_start + (16 * t)) <= 15)):
                                    low_9: T.int32 = 34
                                    high_10: T.int32 = (T.floordiv((k_len - 1), 8) + 1)
                                    for c_i in range(T.max(0, high_10 - low_9)):
                                        c: T.int32 = low_9 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 1 * key_tiles + count[1]] = tile
                                        count[1] = count[1] + 1
                                if T.And(T.And((k_len >= 16), ((q_start + (16 * t)) <= 0)), (T.floormod(k_len, 8) >= 1)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    lists[lists_at + 1 * key_tiles + count[1]] = tile
                                    count[1] = count[1] + 1
                                if ((q_start + (16 * t)) >= 16):
                                    low_11: T.int32 = (((2 * t) + T.floordiv((q_start + 1), 8)) + 32)
                                    high_12: T.int32 = T.min(T.min(((((2 * t) + T.floordiv((q_start - 1), 8)) + 34) + 1), ((T.floordiv(((q_start + q_len) - 1), 8) + 32) + 1)), T.floordiv(k_len, 8))
                                    for c_i in range(T.max(0, high_12 - low_11)):
                                        c: T.int32 = low_11 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 1 * key_tiles + count[1]] = tile
                                        count[1] = count[1] + 1
                                if ((k_len + 255) >= (q_start + (16 * t))):
                                    low_13: T.int32 = T.max(2, (((2 * t) + T.floordiv(q_start, 8)) - 32))
                                    high_14: T.int32 = T.min(((((2 * t) + T.floordiv((q_start - 2), 8)) - 30) + 1), (T.floordiv((k_len - 1), 8) + 1))
                                    for c_i in range(T.max(0, high_14 - low_13)):
                                        c: T.int32 = low_13 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 1 * key_tiles + count[1]] = tile
                                        count[1] = count[1] + 1
                                if T.And(T.And(T.And(T.And(T.And((k_len >= 16), ((q_start + (16 * t)) >= 16)), (T.floormod(k_len, 8) >= 1)), ((k_len + 241) >= ((T.floormod(k_len, 8) + q_start) + (16 * t)))), ((((T.floormod(k_len, 8) + q_start) + q_len) + 255) >= k_len)), ((((T.floormod(k_len, 8) + q_start) + (16 * t)) + 271) >= k_len)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    lists[lists_at + 1 * key_tiles + count[1]] = tile
                                    count[1] = count[1] + 1
                                if T.And(T.And(T.And(T.And((k_len >= 16), (k_len <= 271)), ((q_start + (16 * t)) >= 1)), ((q_start + (16 * t)) <= 15)), (T.floormod(k_len, 8) >= 1)):
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
                            rows_on: T.int64 = T.Cast('int64', rows_t[T.Cast('int64', later_s) * rows_s0] - q_row + later_t * 16 - (t * 16))
                            q_on: T.int64 = rows_on * q_s2 + heads_on * q_s1 + entries_on * q_s0
                            out_on: T.int64 = rows_on * out_s2 + heads_on * out_s1 + entries_on * out_s0
                            asked: T.int32 = (16 + turns - 1) // turns
                            # query [d 64, q 16], scaled
                            factor: T.float32 = (scale * T.float32(1.4426950408889634))
                            for v in range(1):
                                for block in range(4):
                                    first: T.int32 = T.min(block * 16, 48)
                                    x_15 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    x_16 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for i in T.unroll(16):
                                        x_15[i] = q_t[T.ramp(q_base + T.Cast('int64', T.min(i_first + (v * 16 + i), q_len - 1)) * q_s2 + first, 1, 16)] * T.broadcast(factor, 16)
                                    for i in T.unroll(8):
                                        x_16[2 * i + 0] = T.Shuffle([x_15[i // 1 * 2 + i % 1], x_15[i // 1 * 2 + i % 1 + 1]], [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
                                        x_16[2 * i + 1] = T.Shuffle([x_15[i // 1 * 2 + i % 1], x_15[i // 1 * 2 + i % 1 + 1]], [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_15[2 * i + 0] = T.Shuffle([x_16[i // 2 * 4 + i % 2], x_16[i // 2 * 4 + i % 2 + 2]], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
                                        x_15[2 * i + 1] = T.Shuffle([x_16[i // 2 * 4 + i % 2], x_16[i // 2 * 4 + i % 2 + 2]], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
                                    for i in T.unroll(8):
                                        x_16[2 * i + 0] = T.Shuffle([x_15[i // 4 * 8 + i % 4], x_15[i // 4 * 8 + i % 4 + 4]], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29])
                                        x_16[2 * i + 1] = T.Shuffle([x_15[i // 4 * 8 + i % 4], x_15[i // 4 * 8 + i % 4 + 4]], [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
                                    for i in T.unroll(8):
                                        x_15[2 * i + 0] = T.Shuffle([x_16[i // 8 * 16 + i % 8], x_16[i // 8 * 16 + i % 8 + 8]], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
                                        x_15[2 * i + 1] = T.Shuffle([x_16[i // 8 * 16 + i % 8], x_16[i // 8 * 16 + i % 8 + 8]], [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
                                    for i in T.unroll(16):
                                        f[T.ramp(query_at + (first + i) * 16 + v * 16, 1, 16)] = x_15[i]
                            for i in range(64):
                                f[T.ramp(output_at + i * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                            for v in T.unroll(1):
                                f[T.ramp(maximum_at + v * 16, 1, 16)] = T.broadcast(T.float32(-1e+30), 16)
                                f[T.ramp(total_at + v * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                            for i in range((listed + 7) // 8):
                                list_left: T.int32 = listed - i * 8
                                tiles_now: T.int32 = T.min(8, list_left)
                                full_left: T.int32 = count[0] - i * 8
                                full_now: T.int32 = T.max(0, T.min(full_left, tiles_now))
                                list_at: T.int64 = lists_at + i * 8
                                # scores [k 8, q 16] = k [k, d 64] . query [d, q]
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
                                            row_17: T.let = T.min((list_left - g - 1) * asked + ask, 15)
                                            at_18: T.let = q_base + T.Cast('int64', i_first + row_17) * q_s2 + q_on
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_18 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_18 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_18 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(q_t[at_18 + 48]), 0, 2, 1))
                                            at_19: T.let = out_base + T.Cast('int64', i_first + row_17) * out_s2 + out_on
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_19 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_19 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_19 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(out_t[at_19 + 48]), 0, 2, 1))
                                            place_20: T.let = T.Cast('int64', T.min(beyond + row_17 * 1, k_len - 1))
                                            at_21: T.let = k_base + place_20 * k_s2
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_21 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_21 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_21 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_21 + 48]), 0, 2, 1))
                                            at_22: T.let = v_base + place_20 * v_s2
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_22 + 0]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_22 + 16]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_22 + 32]), 0, 2, 1))
                                            T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_22 + 48]), 0, 2, 1))
                                    scores0 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores1 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores2 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores3 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores4 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores5 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores6 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    scores7 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for v in T.unroll(1):
                                        scores0[v] = T.broadcast(T.float32(0.0), 16)
                                        scores1[v] = T.broadcast(T.float32(0.0), 16)
                                        scores2[v] = T.broadcast(T.float32(0.0), 16)
                                        scores3[v] = T.broadcast(T.float32(0.0), 16)
                                        scores4[v] = T.broadcast(T.float32(0.0), 16)
                                        scores5[v] = T.broadcast(T.float32(0.0), 16)
                                        scores6[v] = T.broadcast(T.float32(0.0), 16)
                                        scores7[v] = T.broadcast(T.float32(0.0), 16)
                                    for j in range(8):
                                        at_23: T.let = k_later + j * k_s2
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_23 + 0]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_23 + 16]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_23 + 32]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(k_t[at_23 + 48]), 0, 3, 1))
                                        at_24: T.let = v_later + j * v_s2
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_24 + 0]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_24 + 16]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_24 + 32]), 0, 3, 1))
                                        T.evaluate(T.call_llvm_intrin('void', 'llvm.prefetch', T.address_of(v_t[at_24 + 48]), 0, 3, 1))
                                        for step in range(8):
                                            d: T.int32 = j * 8 + step
                                            scores0[0] = scores0[0] + T.broadcast(k_t[k_0 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores1[0] = scores1[0] + T.broadcast(k_t[k_1 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores2[0] = scores2[0] + T.broadcast(k_t[k_2 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores3[0] = scores3[0] + T.broadcast(k_t[k_3 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores4[0] = scores4[0] + T.broadcast(k_t[k_4 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores5[0] = scores5[0] + T.broadcast(k_t[k_5 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores6[0] = scores6[0] + T.broadcast(k_t[k_6 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                            scores7[0] = scores7[0] + T.broadcast(k_t[k_7 + d], 16) * f[T.ramp(query_at + d * 16 + 0, 1, 16)]
                                    for v in T.unroll(1):
                                        f[T.ramp(scores_at + (g * 8 + 0) * 16 + v * 16, 1, 16)] = scores0[v]
                                        f[T.ramp(scores_at + (g * 8 + 1) * 16 + v * 16, 1, 16)] = scores1[v]
                                        f[T.ramp(scores_at + (g * 8 + 2) * 16 + v * 16, 1, 16)] = scores2[v]
                                        f[T.ramp(scores_at + (g * 8 + 3) * 16 + v * 16, 1, 16)] = scores3[v]
                                        f[T.ramp(scores_at + (g * 8 + 4) * 16 + v * 16, 1, 16)] = scores4[v]
                                        f[T.ramp(scores_at + (g * 8 + 5) * 16 + v * 16, 1, 16)] = scores5[v]
                                        f[T.ramp(scores_at + (g * 8 + 6) * 16 + v * 16, 1, 16)] = scores6[v]
                                        f[T.ramp(scores_at + (g * 8 + 7) * 16 + v * 16, 1, 16)] = scores7[v]
                                # partial tiles
                                for behind in range(tiles_now - full_now):
                                    g: T.int32 = full_now + behind
                                    for j in range(8):
                                        row: T.int32 = lists[list_at + g] * 8 + j
                                        key: T.int32 = k_start + row
                                        for v in T.unroll(1):
                                            query: T.let = T.ramp(q_first + v * 16, 1, 16)
                                            # only where -256 <= k - q <= 256 or (q < 16 or k < 16)
                                            s_25: T.let = T.Select(T.And(T.broadcast((key < (k_start + k_len)), 16), T.Or(T.And((T.broadcast((-256), 16) <= (T.broadcast(key, 16) - query)), ((T.broadcast(key, 16) - query) <= T.broadcast(T.int32(256), 16))), T.Or((query < T.broadcast(T.int32(16), 16)), T.broadcast((key < 16), 16)))), f[T.ramp(scores_at + (g * 8 + j) * 16 + v * 16, 1, 16)], T.broadcast(T.float32(-1e+38), 16))
                                            f[T.ramp(scores_at + (g * 8 + j) * 16 + v * 16, 1, 16)] = s_25
                                for v in T.unroll(1):
                                    top = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    top[0] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[1] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[2] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    top[3] = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                    for j in range(tiles_now * 2):
                                        top[0] = T.max(top[0], f[T.ramp(scores_at + (j * 4 + 0) * 16 + v * 16, 1, 16)])
                                        top[1] = T.max(top[1], f[T.ramp(scores_at + (j * 4 + 1) * 16 + v * 16, 1, 16)])
                                        top[2] = T.max(top[2], f[T.ramp(scores_at + (j * 4 + 2) * 16 + v * 16, 1, 16)])
                                        top[3] = T.max(top[3], f[T.ramp(scores_at + (j * 4 + 3) * 16 + v * 16, 1, 16)])
                                    top[0] = T.max(T.max(top[0], top[1]), T.max(top[2], top[3]))
                                    x_26 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    x_26[0] = (f[T.ramp(maximum_at + v * 16, 1, 16)] - top[0])
                                    r_27: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_26[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                    p_28: T.let = T.broadcast(T.float32(0.00186713), 16) * r_27 + T.broadcast(T.float32(0.00901703), 16)
                                    p_29: T.let = p_28 * r_27 + T.broadcast(T.float32(0.05579991), 16)
                                    p_30: T.let = p_29 * r_27 + T.broadcast(T.float32(0.24016445), 16)
                                    p_31: T.let = p_30 * r_27 + T.broadcast(T.float32(0.69315131), 16)
                                    f[T.ramp(rescale_at + v * 16, 1, 16)] = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_31 * r_27) + T.broadcast(T.float32(1.0), 16), x_26[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                    f[T.ramp(maximum_at + v * 16, 1, 16)] = top[0]
                                    part = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    part[0] = f[T.ramp(total_at + v * 16, 1, 16)] * f[T.ramp(rescale_at + v * 16, 1, 16)]
                                    part[1] = T.broadcast(T.float32(0.0), 16)
                                    part[2] = T.broadcast(T.float32(0.0), 16)
                                    part[3] = T.broadcast(T.float32(0.0), 16)
                                    for j in range(tiles_now * 2):
                                        x_32 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_32[0] = (f[T.ramp(scores_at + (j * 4 + 0) * 16 + v * 16, 1, 16)] - top[0])
                                        r_33: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_32[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_34: T.let = T.broadcast(T.float32(0.00186713), 16) * r_33 + T.broadcast(T.float32(0.00901703), 16)
                                        p_35: T.let = p_34 * r_33 + T.broadcast(T.float32(0.05579991), 16)
                                        p_36: T.let = p_35 * r_33 + T.broadcast(T.float32(0.24016445), 16)
                                        p_37: T.let = p_36 * r_33 + T.broadcast(T.float32(0.69315131), 16)
                                        w_38: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_37 * r_33) + T.broadcast(T.float32(1.0), 16), x_32[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[0] = part[0] + w_38
                                        x_39 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_39[0] = (f[T.ramp(scores_at + (j * 4 + 1) * 16 + v * 16, 1, 16)] - top[0])
                                        r_40: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_39[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_41: T.let = T.broadcast(T.float32(0.00186713), 16) * r_40 + T.broadcast(T.float32(0.00901703), 16)
                                        p_42: T.let = p_41 * r_40 + T.broadcast(T.float32(0.05579991), 16)
                                        p_43: T.let = p_42 * r_40 + T.broadcast(T.float32(0.24016445), 16)
                                        p_44: T.let = p_43 * r_40 + T.broadcast(T.float32(0.69315131), 16)
                                        w_45: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_44 * r_40) + T.broadcast(T.float32(1.0), 16), x_39[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[1] = part[1] + w_45
                                        x_46 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_46[0] = (f[T.ramp(scores_at + (j * 4 + 2) * 16 + v * 16, 1, 16)] - top[0])
                                        r_47: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_46[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_48: T.let = T.broadcast(T.float32(0.00186713), 16) * r_47 + T.broadcast(T.float32(0.00901703), 16)
                                        p_49: T.let = p_48 * r_47 + T.broadcast(T.float32(0.05579991), 16)
                                        p_50: T.let = p_49 * r_47 + T.broadcast(T.float32(0.24016445), 16)
                                        p_51: T.let = p_50 * r_47 + T.broadcast(T.float32(0.69315131), 16)
                                        w_52: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_51 * r_47) + T.broadcast(T.float32(1.0), 16), x_46[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[2] = part[2] + w_52
                                        x_53 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_53[0] = (f[T.ramp(scores_at + (j * 4 + 3) * 16 + v * 16, 1, 16)] - top[0])
                                        r_54: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_53[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        p_55: T.let = T.broadcast(T.float32(0.00186713), 16) * r_54 + T.broadcast(T.float32(0.00901703), 16)
                                        p_56: T.let = p_55 * r_54 + T.broadcast(T.float32(0.05579991), 16)
                                        p_57: T.let = p_56 * r_54 + T.broadcast(T.float32(0.24016445), 16)
                                        p_58: T.let = p_57 * r_54 + T.broadcast(T.float32(0.69315131), 16)
                                        w_59: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_58 * r_54) + T.broadcast(T.float32(1.0), 16), x_53[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                        part[3] = part[3] + w_59
                                        f[T.ramp(scores_at + (j * 4 + 0) * 16 + v * 16, 1, 16)] = w_38
                                        f[T.ramp(scores_at + (j * 4 + 1) * 16 + v * 16, 1, 16)] = w_45
                                        f[T.ramp(scores_at + (j * 4 + 2) * 16 + v * 16, 1, 16)] = w_52
                                        f[T.ramp(scores_at + (j * 4 + 3) * 16 + v * 16, 1, 16)] = w_59
                                    f[T.ramp(total_at + v * 16, 1, 16)] = (part[0] + part[1]) + (part[2] + part[3])
                                # output [q 16, v 64] += scores [k, q]^T . v [k, v]
                                v_places = T.alloc_buffer((64,), 'int64', scope='local', annotations={'disable_lower_builtin': True})
                                for g in range(tiles_now):
                                    row_first: T.int32 = lists[list_at + g] * 8
                                    for j in range(8):
                                        v_places[g * 8 + j] = v_base + T.Cast('int64', T.min(row_first + j, k_len - 1)) * v_s2
                                for part in range(4):
                                    q_first: T.int32 = part * 4
                                    output0 = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for b in T.unroll(4):
                                        output0[b] = f[T.ramp(output_at + ((q_first + 0) * 4 + b) * 16, 1, 16)] * T.broadcast(f[rescale_at + q_first + 0], 16)
                                    output1 = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for b in T.unroll(4):
                                        output1[b] = f[T.ramp(output_at + ((q_first + 1) * 4 + b) * 16, 1, 16)] * T.broadcast(f[rescale_at + q_first + 1], 16)
                                    output2 = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for b in T.unroll(4):
                                        output2[b] = f[T.ramp(output_at + ((q_first + 2) * 4 + b) * 16, 1, 16)] * T.broadcast(f[rescale_at + q_first + 2], 16)
                                    output3 = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                    for b in T.unroll(4):
                                        output3[b] = f[T.ramp(output_at + ((q_first + 3) * 4 + b) * 16, 1, 16)] * T.broadcast(f[rescale_at + q_first + 3], 16)
                                    for g in range(tiles_now):
                                        for j in range(8):
                                            v_at: T.int64 = v_places[g * 8 + j]
                                            output0[0] = output0[0] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 0], 16) * v_t[T.ramp(v_at + 0, 1, 16)]
                                            output0[1] = output0[1] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 0], 16) * v_t[T.ramp(v_at + 16, 1, 16)]
                                            output0[2] = output0[2] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 0], 16) * v_t[T.ramp(v_at + 32, 1, 16)]
                                            output0[3] = output0[3] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 0], 16) * v_t[T.ramp(v_at + 48, 1, 16)]
                                            output1[0] = output1[0] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 1], 16) * v_t[T.ramp(v_at + 0, 1, 16)]
                                            output1[1] = output1[1] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 1], 16) * v_t[T.ramp(v_at + 16, 1, 16)]
                                            output1[2] = output1[2] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 1], 16) * v_t[T.ramp(v_at + 32, 1, 16)]
                                            output1[3] = output1[3] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 1], 16) * v_t[T.ramp(v_at + 48, 1, 16)]
                                            output2[0] = output2[0] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 2], 16) * v_t[T.ramp(v_at + 0, 1, 16)]
                                            output2[1] = output2[1] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 2], 16) * v_t[T.ramp(v_at + 16, 1, 16)]
                                            output2[2] = output2[2] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 2], 16) * v_t[T.ramp(v_at + 32, 1, 16)]
                                            output2[3] = output2[3] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 2], 16) * v_t[T.ramp(v_at + 48, 1, 16)]
                                            output3[0] = output3[0] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 3], 16) * v_t[T.ramp(v_at + 0, 1, 16)]
                                            output3[1] = output3[1] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 3], 16) * v_t[T.ramp(v_at + 16, 1, 16)]
                                            output3[2] = output3[2] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 3], 16) * v_t[T.ramp(v_at + 32, 1, 16)]
                                            output3[3] = output3[3] + T.broadcast(f[scores_at + (g * 8 + j) * 16 + q_first + 3], 16) * v_t[T.ramp(v_at + 48, 1, 16)]
                                    for b in T.unroll(4):
                                        f[T.ramp(output_at + ((q_first + 0) * 4 + b) * 16, 1, 16)] = output0[b]
                                    for b in T.unroll(4):
                                        f[T.ramp(output_at + ((q_first + 1) * 4 + b) * 16, 1, 16)] = output1[b]
                                    for b in T.unroll(4):
                                        f[T.ramp(output_at + ((q_first + 2) * 4 + b) * 16, 1, 16)] = output2[b]
                                    for b in T.unroll(4):
                                        f[T.ramp(output_at + ((q_first + 3) * 4 + b) * 16, 1, 16)] = output3[b]
                            for v in T.unroll(1):
                                sums_60: T.let = f[T.ramp(total_at + v * 16, 1, 16)]
                                z_61: T.let = T.reinterpret('int32x16', sums_60)
                                n_62: T.let = T.shift_right(z_61 - T.broadcast(T.int32(1060439283), 16), T.broadcast(T.int32(23), 16))
                                m_63: T.let = T.reinterpret('float32x16', z_61 - T.shift_left(n_62, T.broadcast(T.int32(23), 16)))
                                y_64: T.let = (m_63 - T.broadcast(T.float32(1.0), 16)) / (m_63 + T.broadcast(T.float32(1.0), 16))
                                r_65: T.let = y_64 * y_64
                                p_66: T.let = T.broadcast(T.float32(0.2222222222222222), 16) * r_65 + T.broadcast(T.float32(0.2857142857142857), 16)
                                p_67: T.let = p_66 * r_65 + T.broadcast(T.float32(0.4), 16)
                                p_68: T.let = p_67 * r_65 + T.broadcast(T.float32(0.6666666666666666), 16)
                                p_69: T.let = p_68 * r_65 + T.broadcast(T.float32(2.0), 16)
                                e_70: T.let = T.Cast('float32x16', n_62) * T.broadcast(T.float32(0.6931471805599453), 16) + p_69 * y_64
                                f[T.ramp(maximum_at + v * 16, 1, 16)] = T.Select(sums_60 != T.broadcast(T.float32(0.0), 16), f[T.ramp(maximum_at + v * 16, 1, 16)] * T.broadcast(T.float32(0.6931471805599453), 16) + e_70, T.broadcast(T.float32('-inf'), 16))
                                f[T.ramp(total_at + v * 16, 1, 16)] = T.Select(sums_60 != T.broadcast(T.float32(0.0), 16), T.broadcast(T.float32(1.0), 16) / sums_60, T.broadcast(T.float32(0.0), 16))
                            # out_t [q 16, v 64] = output / total
                            for r in range(T.min(16, q_len - i_first)):
                                out_at: T.int64 = out_base + T.Cast('int64', i_first + r) * out_s2
                                inverse: T.let = f[total_at + r]
                                for block in range(4):
                                    first: T.int32 = T.min(block * 16, 48)
                                    for d in range(16):
                                        out_t[out_at + first + d] = (f[output_at + (r * 4 + block) * 16 + d] * inverse)
                            for r in range(T.min(16, q_len - i_first)):
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
                        i_first: T.int32 = t * 16
                        q_first: T.int32 = q_start + i_first
                        if t * 16 < q_len:
                            count[0] = 0
                            count[1] = 0
                            if k_len > 0:
                                pass
                                # the full tiles
                                low_71: T.int32 = 0
                                high_72: T.int32 = T.min(2, T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_72 - low_71)):
                                    c: T.int32 = low_71 + c_i
                                    tile: T.int32 = c
                                    count[0] = count[0] + 1
                                if ((q_start + (16 * t)) >= 1):
                                    low_73: T.int32 = T.max(2, (((2 * t) + T.floordiv((q_start - 2), 8)) - 29))
                                    high_74: T.int32 = T.min(34, T.floordiv(k_len, 8))
                                    for c_i in range(T.max(0, high_74 - low_73)):
                                        c: T.int32 = low_73 + c_i
                                        tile: T.int32 = c
                                        count[0] = count[0] + 1
                                low_75: T.int32 = T.max(34, (((2 * t) + T.floordiv((q_start - 2), 8)) - 29))
                                high_76: T.int32 = T.min(((((2 * t) + T.floordiv((q_start + 1), 8)) + 31) + 1), T.floordiv(k_len, 8))
                                for c_i in range(T.max(0, high_76 - low_75)):
                                    c: T.int32 = low_75 + c_i
                                    tile: T.int32 = c
                                    count[0] = count[0] + 1
                                if ((q_start + (16 * t)) <= 0):
                                    low_77: T.int32 = 2
                                    high_78: T.int32 = T.floordiv(k_len, 8)
                                    for c_i in range(T.max(0, high_78 - low_77)):
                                        c: T.int32 = low_77 + c_i
                                        tile: T.int32 = c
                                        count[0] = count[0] + 1
                                # the partial tiles
                                if T.And((k_len <= 15), (T.floormod(k_len, 8) >= 1)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    count[1] = count[1] + 1
                                if T.And(((q_start + (16 * t)) >= 1), ((q_start + (16 * t)) <= 15)):
                                    low_79: T.int32 = 34
                                    high_80: T.int32 = (T.floordiv((k_len - 1), 8) + 1)
                                    for c_i in range(T.max(0, high_80 - low_79)):
                                        c: T.int32 = low_79 + c_i
                                        tile: T.int32 = c
                                        count[1] = count[1] + 1
                                if T.And(T.And((k_len >= 16), ((q_start + (16 * t)) <= 0)), (T.floormod(k_len, 8) >= 1)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    count[1] = count[1] + 1
                                if ((q_start + (16 * t)) >= 16):
                                    low_81: T.int32 = (((2 * t) + T.floordiv((q_start + 1), 8)) + 32)
                                    high_82: T.int32 = T.min(T.min(((((2 * t) + T.floordiv((q_start - 1), 8)) + 34) + 1), ((T.floordiv(((q_start + q_len) - 1), 8) + 32) + 1)), T.floordiv(k_len, 8))
                                    for c_i in range(T.max(0, high_82 - low_81)):
                                        c: T.int32 = low_81 + c_i
                                        tile: T.int32 = c
                                        count[1] = count[1] + 1
                                if ((k_len + 255) >= (q_start + (16 * t))):
                                    low_83: T.int32 = T.max(2, (((2 * t) + T.floordiv(q_start, 8)) - 32))
                                    high_84: T.int32 = T.min(((((2 * t) + T.floordiv((q_start - 2), 8)) - 30) + 1), (T.floordiv((k_len - 1), 8) + 1))
                                    for c_i in range(T.max(0, high_84 - low_83)):
                                        c: T.int32 = low_83 + c_i
                                        tile: T.int32 = c
                                        count[1] = count[1] + 1
                                if T.And(T.And(T.And(T.And(T.And((k_len >= 16), ((q_start + (16 * t)) >= 16)), (T.floormod(k_len, 8) >= 1)), ((k_len + 241) >= ((T.floormod(k_len, 8) + q_start) + (16 * t)))), ((((T.floormod(k_len, 8) + q_start) + q_len) + 255) >= k_len)), ((((T.floormod(k_len, 8) + q_start) + (16 * t)) + 271) >= k_len)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    count[1] = count[1] + 1
                                if T.And(T.And(T.And(T.And((k_len >= 16), (k_len <= 271)), ((q_start + (16 * t)) >= 1)), ((q_start + (16 * t)) <= 15)), (T.floormod(k_len, 8) >= 1)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 8)
                                    count[1] = count[1] + 1
                            if fill == 0:
                                offsets[unit * 2 + 0] = T.Cast('int64', count[0])
                                offsets[unit * 2 + 1] = T.Cast('int64', count[1])
                    mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
