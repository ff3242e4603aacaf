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
        q_m = T.match_buffer(q_, (n, heads, q_rows, T.int64(64),), 'uint16', strides=(q_s0, q_s1, q_s2, T.int64(1),), align=2)
        k_s0 = T.int64()
        k_s1 = T.int64()
        k_s2 = T.int64()
        k_m = T.match_buffer(k_, (n, kv_heads, k_rows, T.int64(64),), 'uint16', strides=(k_s0, k_s1, k_s2, T.int64(1),), align=2)
        v_s0 = T.int64()
        v_s1 = T.int64()
        v_s2 = T.int64()
        v_m = T.match_buffer(v_, (n, kv_heads, k_rows, T.int64(64),), 'uint16', strides=(v_s0, v_s1, v_s2, T.int64(1),), align=2)
        out_s0 = T.int64()
        out_s1 = T.int64()
        out_s2 = T.int64()
        out_m = T.match_buffer(out_, (n, heads, q_rows, T.int64(64),), 'uint16', strides=(out_s0, out_s1, out_s2, T.int64(1),), align=2)
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
        q_t = T.decl_buffer((T.int64(1099511627776),), 'uint16', data=q_m.data)
        k_t = T.decl_buffer((T.int64(1099511627776),), 'uint16', data=k_m.data)
        v_t = T.decl_buffer((T.int64(1099511627776),), 'uint16', data=v_m.data)
        out_t = T.decl_buffer((T.int64(1099511627776),), 'uint16', data=out_m.data)
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
                scores_at: T.int64 = T.Cast('int64', worker) * f_s0 + 4096
                output_at: T.int64 = T.Cast('int64', worker) * f_s0 + 8192
                key_rows_at: T.int64 = T.Cast('int64', worker) * f_s0 + 16384
                columns_at: T.int64 = T.Cast('int64', worker) * f_s0 + 20480
                rise_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24576
                configuration_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24592
                before_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24608
                maximum_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24624
                total_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24752
                rescale_at: T.int64 = T.Cast('int64', worker) * f_s0 + 24880
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
                        i_first: T.int32 = t * 128
                        q_first: T.int32 = q_start + i_first
                        if t * 128 < q_len:
                            with T.attr(0, 'pragma_import_llvm', 'declare void @llvm.x86.ldtilecfg(ptr)\ndeclare void @llvm.x86.sttilecfg(ptr)\ndeclare void @llvm.x86.tilezero(i8)\ndeclare void @llvm.x86.tileloadd64(i8, ptr, i64)\ndeclare void @llvm.x86.tilestored64(i8, ptr, i64)\ndeclare void @llvm.x86.tdpbf16ps(i8, i8, i8)\ndefine i32 @attnc_tiles_begin(ptr %before, ptr %configuration) {\n  call void @llvm.x86.sttilecfg(ptr %before)\n  call void @llvm.x86.ldtilecfg(ptr %configuration)\n  ret i32 0\n}\ndefine i32 @attnc_tiles_end(ptr %before) {\n  call void @llvm.x86.ldtilecfg(ptr %before)\n  ret i32 0\n}\ndefine i32 @attnc_tiles_1x1(ptr %c, ptr %a, ptr %b, i64 %cs, i64 %as, i64 %bs, i64 %ad, i64 %bd, i64 %steps, i32 %fresh) {\n  %down = shl i64 %cs, 4\n  %c00 = getelementptr i8, ptr %c, i64 0\n  %far = shl i64 %as, 4\n  %zero = icmp ne i32 %fresh, 0\n  br i1 %zero, label %clear, label %read\nclear:\n  call void @llvm.x86.tilezero(i8 0)\n  br label %loop\nread:\n  call void @llvm.x86.tileloadd64(i8 0, ptr %c00, i64 %cs)\n  br label %loop\nloop:\n  %t = phi i64 [0, %clear], [0, %read], [%tn, %loop]\n  %x = phi ptr [%a, %clear], [%a, %read], [%xn, %loop]\n  %y = phi ptr [%b, %clear], [%b, %read], [%yn, %loop]\n  call void @llvm.x86.tileloadd64(i8 4, ptr %x, i64 %as)\n  call void @llvm.x86.tileloadd64(i8 6, ptr %y, i64 %bs)\n  call void @llvm.x86.tdpbf16ps(i8 0, i8 4, i8 6)\n  %xn = getelementptr i8, ptr %x, i64 %ad\n  %yn = getelementptr i8, ptr %y, i64 %bd\n  %tn = add i64 %t, 1\n  %more = icmp slt i64 %tn, %steps\n  br i1 %more, label %loop, label %write\nwrite:\n  call void @llvm.x86.tilestored64(i8 0, ptr %c00, i64 %cs)\n  ret i32 0\n}\ndefine i32 @attnc_tiles_1x2(ptr %c, ptr %a, ptr %b, i64 %cs, i64 %as, i64 %bs, i64 %ad, i64 %bd, i64 %steps, i32 %fresh) {\n  %down = shl i64 %cs, 4\n  %c00 = getelementptr i8, ptr %c, i64 0\n  %c01 = getelementptr i8, ptr %c, i64 64\n  %far = shl i64 %as, 4\n  %zero = icmp ne i32 %fresh, 0\n  br i1 %zero, label %clear, label %read\nclear:\n  call void @llvm.x86.tilezero(i8 0)\n  call void @llvm.x86.tilezero(i8 1)\n  br label %loop\nread:\n  call void @llvm.x86.tileloadd64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tileloadd64(i8 1, ptr %c01, i64 %cs)\n  br label %loop\nloop:\n  %t = phi i64 [0, %clear], [0, %read], [%tn, %loop]\n  %x = phi ptr [%a, %clear], [%a, %read], [%xn, %loop]\n  %y = phi ptr [%b, %clear], [%b, %read], [%yn, %loop]\n  call void @llvm.x86.tileloadd64(i8 4, ptr %x, i64 %as)\n  call void @llvm.x86.tileloadd64(i8 6, ptr %y, i64 %bs)\n  %y1 = getelementptr i8, ptr %y, i64 64\n  call void @llvm.x86.tileloadd64(i8 7, ptr %y1, i64 %bs)\n  call void @llvm.x86.tdpbf16ps(i8 0, i8 4, i8 6)\n  call void @llvm.x86.tdpbf16ps(i8 1, i8 4, i8 7)\n  %xn = getelementptr i8, ptr %x, i64 %ad\n  %yn = getelementptr i8, ptr %y, i64 %bd\n  %tn = add i64 %t, 1\n  %more = icmp slt i64 %tn, %steps\n  br i1 %more, label %loop, label %write\nwrite:\n  call void @llvm.x86.tilestored64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tilestored64(i8 1, ptr %c01, i64 %cs)\n  ret i32 0\n}\ndefine i32 @attnc_tiles_2x1(ptr %c, ptr %a, ptr %b, i64 %cs, i64 %as, i64 %bs, i64 %ad, i64 %bd, i64 %steps, i32 %fresh) {\n  %down = shl i64 %cs, 4\n  %c00 = getelementptr i8, ptr %c, i64 0\n  %c10 = getelementptr i8, ptr %c00, i64 %down\n  %far = shl i64 %as, 4\n  %zero = icmp ne i32 %fresh, 0\n  br i1 %zero, label %clear, label %read\nclear:\n  call void @llvm.x86.tilezero(i8 0)\n  call void @llvm.x86.tilezero(i8 1)\n  br label %loop\nread:\n  call void @llvm.x86.tileloadd64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tileloadd64(i8 1, ptr %c10, i64 %cs)\n  br label %loop\nloop:\n  %t = phi i64 [0, %clear], [0, %read], [%tn, %loop]\n  %x = phi ptr [%a, %clear], [%a, %read], [%xn, %loop]\n  %y = phi ptr [%b, %clear], [%b, %read], [%yn, %loop]\n  call void @llvm.x86.tileloadd64(i8 4, ptr %x, i64 %as)\n  %x1 = getelementptr i8, ptr %x, i64 %far\n  call void @llvm.x86.tileloadd64(i8 5, ptr %x1, i64 %as)\n  call void @llvm.x86.tileloadd64(i8 6, ptr %y, i64 %bs)\n  call void @llvm.x86.tdpbf16ps(i8 0, i8 4, i8 6)\n  call void @llvm.x86.tdpbf16ps(i8 1, i8 5, i8 6)\n  %xn = getelementptr i8, ptr %x, i64 %ad\n  %yn = getelementptr i8, ptr %y, i64 %bd\n  %tn = add i64 %t, 1\n  %more = icmp slt i64 %tn, %steps\n  br i1 %more, label %loop, label %write\nwrite:\n  call void @llvm.x86.tilestored64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tilestored64(i8 1, ptr %c10, i64 %cs)\n  ret i32 0\n}\ndefine i32 @attnc_tiles_2x2(ptr %c, ptr %a, ptr %b, i64 %cs, i64 %as, i64 %bs, i64 %ad, i64 %bd, i64 %steps, i32 %fresh) {\n  %down = shl i64 %cs, 4\n  %c00 = getelementptr i8, ptr %c, i64 0\n  %c01 = getelementptr i8, ptr %c, i64 64\n  %c10 = getelementptr i8, ptr %c00, i64 %down\n  %c11 = getelementptr i8, ptr %c01, i64 %down\n  %far = shl i64 %as, 4\n  %zero = icmp ne i32 %fresh, 0\n  br i1 %zero, label %clear, label %read\nclear:\n  call void @llvm.x86.tilezero(i8 0)\n  call void @llvm.x86.tilezero(i8 1)\n  call void @llvm.x86.tilezero(i8 2)\n  call void @llvm.x86.tilezero(i8 3)\n  br label %loop\nread:\n  call void @llvm.x86.tileloadd64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tileloadd64(i8 1, ptr %c01, i64 %cs)\n  call void @llvm.x86.tileloadd64(i8 2, ptr %c10, i64 %cs)\n  call void @llvm.x86.tileloadd64(i8 3, ptr %c11, i64 %cs)\n  br label %loop\nloop:\n  %t = phi i64 [0, %clear], [0, %read], [%tn, %loop]\n  %x = phi ptr [%a, %clear], [%a, %read], [%xn, %loop]\n  %y = phi ptr [%b, %clear], [%b, %read], [%yn, %loop]\n  call void @llvm.x86.tileloadd64(i8 4, ptr %x, i64 %as)\n  %x1 = getelementptr i8, ptr %x, i64 %far\n  call void @llvm.x86.tileloadd64(i8 5, ptr %x1, i64 %as)\n  call void @llvm.x86.tileloadd64(i8 6, ptr %y, i64 %bs)\n  %y1 = getelementptr i8, ptr %y, i64 64\n  call void @llvm.x86.tileloadd64(i8 7, ptr %y1, i64 %bs)\n  call void @llvm.x86.tdpbf16ps(i8 0, i8 4, i8 6)\n  call void @llvm.x86.tdpbf16ps(i8 1, i8 4, i8 7)\n  call void @llvm.x86.tdpbf16ps(i8 2, i8 5, i8 6)\n  call void @llvm.x86.tdpbf16ps(i8 3, i8 5, i8 7)\n  %xn = getelementptr i8, ptr %x, i64 %ad\n  %yn = getelementptr i8, ptr %y, i64 %bd\n  %tn = add i64 %t, 1\n  %more = icmp slt i64 %tn, %steps\n  br i1 %more, label %loop, label %write\nwrite:\n  call void @llvm.x86.tilestored64(i8 0, ptr %c00, i64 %cs)\n  call void @llvm.x86.tilestored64(i8 1, ptr %c01, i64 %cs)\n  call void @llvm.x86.tilestored64(i8 2, ptr %c10, i64 %cs)\n  call void @llvm.x86.tilestored64(i8 3, ptr %c11, i64 %cs)\n  ret i32 0\n}\n'):
                                f[configuration_at + 0] = T.reinterpret('float32', T.uint32(0x1))
                                f[configuration_at + 1] = T.float32(0)
                                f[configuration_at + 2] = T.float32(0)
                                f[configuration_at + 3] = T.float32(0)
                                f[configuration_at + 4] = T.reinterpret('float32', T.uint32(0x400040))
                                f[configuration_at + 5] = T.reinterpret('float32', T.uint32(0x400040))
                                f[configuration_at + 6] = T.reinterpret('float32', T.uint32(0x400040))
                                f[configuration_at + 7] = T.reinterpret('float32', T.uint32(0x400040))
                                f[configuration_at + 8] = T.float32(0)
                                f[configuration_at + 9] = T.float32(0)
                                f[configuration_at + 10] = T.float32(0)
                                f[configuration_at + 11] = T.float32(0)
                                f[configuration_at + 12] = T.reinterpret('float32', T.uint32(0x10101010))
                                f[configuration_at + 13] = T.reinterpret('float32', T.uint32(0x10101010))
                                f[configuration_at + 14] = T.float32(0)
                                f[configuration_at + 15] = T.float32(0)
                                T.evaluate(T.call_extern('int32', 'attnc_tiles_begin', T.address_of(f[before_at]), T.address_of(f[configuration_at])))
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
                                    high_2: T.int32 = T.min(((4 * t) + T.floordiv((q_start + 1), 32)), T.floordiv(k_len, 32))
                                    for c_i in range(T.max(0, high_2 - low_1)):
                                        c: T.int32 = low_1 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 0 * key_tiles + count[0]] = tile
                                        count[0] = count[0] + 1
                                    # the partial tiles
                                    low_3: T.int32 = T.max(0, ((4 * t) + T.floordiv((q_start + 1), 32)))
                                    high_4: T.int32 = T.min(T.min(((((4 * t) + T.floordiv((q_start - 1), 32)) + 4) + 1), (T.floordiv(((q_start + q_len) - 1), 32) + 1)), T.floordiv(k_len, 32))
                                    for c_i in range(T.max(0, high_4 - low_3)):
                                        c: T.int32 = low_3 + c_i
                                        tile: T.int32 = c
                                        lists[lists_at + 1 * key_tiles + count[1]] = tile
                                        count[1] = count[1] + 1
                                    if T.And(T.And((T.floormod(k_len, 32) >= 1), (((T.floormod(k_len, 32) + q_start) + q_len) >= (k_len + 1))), ((((T.floormod(k_len, 32) + q_start) + (128 * t)) + 127) >= k_len)):
                                        tile: T.int32 = T.floordiv((k_len - 1), 32)
                                        lists[lists_at + 1 * key_tiles + count[1]] = tile
                                        count[1] = count[1] + 1
                                for i in range(count[1]):
                                    lists[lists_at + count[0] + i] = lists[lists_at + key_tiles + i]
                                listed: T.int32 = count[0] + count[1]
                                turns: T.int32 = T.max(1, T.min(16, listed))
                                beyond: T.int32 = T.if_then_else(listed > 0, T.max(lists[lists_at + T.max(0, count[0] - 1)] * 32, lists[lists_at + T.max(0, listed - 1)] * 32) + 32, 0)
                                later: T.int32 = order[T.min(unit + 1, all_units - 1)]
                                later_t: T.int32 = later % tiles
                                later_s: T.int32 = later // (tiles * head_count)
                                heads_on: T.int64 = T.Cast('int64', (later // tiles) % head_count - h)
                                entries_on: T.int64 = T.Cast('int64', later_s - s)
                                rows_on: T.int64 = T.Cast('int64', rows_t[T.Cast('int64', later_s) * rows_s0] - q_row + later_t * 128 - (t * 128))
                                q_on: T.int64 = rows_on * q_s2 + heads_on * q_s1 + entries_on * q_s0
                                out_on: T.int64 = rows_on * out_s2 + heads_on * out_s1 + entries_on * out_s0
                                asked: T.int32 = (128 + turns - 1) // turns
                                factor: T.float32 = (scale * T.float32(1.4426950408889634))
                                score_scale: T.float32 = T.reinterpret('float32', T.bitwise_or(T.bitwise_and(T.reinterpret('uint32', factor), T.uint32(0x7fffff)), T.uint32(0x3f800000)))
                                query_scale: T.float32 = factor / score_scale
                                # query [d 64, q 128], scaled
                                with T.attr(0, 'pragma_import_llvm', 'declare <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(<16 x float>, <32 x bfloat>, <32 x bfloat>)\ndefine <16 x float> @attnc_dot(<16 x float> %sum, <16 x i32> %x, <16 x i32> %y) alwaysinline {\n  %a = bitcast <16 x i32> %x to <32 x bfloat>\n  %b = bitcast <16 x i32> %y to <32 x bfloat>\n  %r = call <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(<16 x float> %sum, <32 x bfloat> %a, <32 x bfloat> %b)\n  ret <16 x float> %r\n}\n'):
                                    for v in range(8):
                                        for block in range(2):
                                            first: T.int32 = T.min(block * 16, 16)
                                            x_5 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            x_6 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            for i in T.unroll(16):
                                                w_7: T.let = T.reinterpret('uint32x16', q_t[T.ramp(q_base + T.Cast('int64', T.min(i_first + (v * 16 + i), q_len - 1)) * q_s2 + 2 * first, 1, 32)])
                                                x_5[i] = T.reinterpret('float32x16', T.bitwise_or(T.shift_right(T.reinterpret('uint32x16', (T.reinterpret('float32x16', T.shift_left(w_7, T.broadcast(T.uint32(0x10), 16))) * T.broadcast(query_scale, 16))), T.broadcast(T.uint32(0x10), 16)), T.bitwise_and(T.reinterpret('uint32x16', (T.reinterpret('float32x16', T.bitwise_and(w_7, T.broadcast(T.uint32(0xffff0000), 16))) * T.broadcast(query_scale, 16))), T.broadcast(T.uint32(0xffff0000), 16))))
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
                                                f[T.ramp(query_at + (first + i) * 128 + v * 16, 1, 16)] = x_5[i]
                                for i in range(512):
                                    f[T.ramp(output_at + i * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                                for v in T.unroll(8):
                                    f[T.ramp(maximum_at + v * 16, 1, 16)] = T.broadcast(T.float32(-1e+30), 16)
                                    f[T.ramp(total_at + v * 16, 1, 16)] = T.broadcast(T.float32(0.0), 16)
                                for i in range((listed + 3) // 4):
                                    list_left: T.int32 = listed - i * 4
                                    tiles_now: T.int32 = T.min(4, list_left)
                                    full_left: T.int32 = count[0] - i * 4
                                    full_now: T.int32 = T.max(0, T.min(full_left, tiles_now))
                                    list_at: T.int64 = lists_at + i * 4
                                    for g in range(tiles_now):
                                        row_first: T.int32 = lists[list_at + g] * 32
                                        for j in range(32):
                                            k_at: T.int64 = k_base + T.Cast('int64', T.min(row_first + j, k_len - 1)) * k_s2
                                            f[T.ramp(key_rows_at + (g * 32 + j) * 32 + 0, 1, 16)] = T.reinterpret('float32x16', T.reinterpret('uint32x16', k_t[T.ramp(k_at + 0, 1, 32)]))
                                            f[T.ramp(key_rows_at + (g * 32 + j) * 32 + 16, 1, 16)] = T.reinterpret('float32x16', T.reinterpret('uint32x16', k_t[T.ramp(k_at + 32, 1, 32)]))
                                        v_places = T.alloc_buffer((32,), 'int64', scope='local', annotations={'disable_lower_builtin': True})
                                        for j in range(32):
                                            v_places[j] = v_base + T.Cast('int64', T.min(row_first + j, k_len - 1)) * v_s2
                                        for block in range(4):
                                            first: T.int32 = T.min(block * 16, 48)
                                            x_8 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            x_9 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            for i in T.unroll(16):
                                                x_8[i] = T.reinterpret('float32x16', T.bitwise_or(T.shift_right(T.reinterpret('uint32x16', T.reinterpret('float32x16', T.shift_left(T.Cast('uint32x16', v_t[T.ramp(v_places[2 * i + 0] + first, 1, 16)]), T.broadcast(T.uint32(0x10), 16)))), T.broadcast(T.uint32(0x10), 16)), T.bitwise_and(T.reinterpret('uint32x16', T.reinterpret('float32x16', T.shift_left(T.Cast('uint32x16', v_t[T.ramp(v_places[2 * i + 1] + first, 1, 16)]), T.broadcast(T.uint32(0x10), 16)))), T.broadcast(T.uint32(0xffff0000), 16))))
                                            for i in T.unroll(8):
                                                x_9[2 * i + 0] = T.Shuffle([x_8[i // 1 * 2 + i % 1], x_8[i // 1 * 2 + i % 1 + 1]], [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
                                                x_9[2 * i + 1] = T.Shuffle([x_8[i // 1 * 2 + i % 1], x_8[i // 1 * 2 + i % 1 + 1]], [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
                                            for i in T.unroll(8):
                                                x_8[2 * i + 0] = T.Shuffle([x_9[i // 2 * 4 + i % 2], x_9[i // 2 * 4 + i % 2 + 2]], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
                                                x_8[2 * i + 1] = T.Shuffle([x_9[i // 2 * 4 + i % 2], x_9[i // 2 * 4 + i % 2 + 2]], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
                                            for i in T.unroll(8):
                                                x_9[2 * i + 0] = T.Shuffle([x_8[i // 4 * 8 + i % 4], x_8[i // 4 * 8 + i % 4 + 4]], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29])
                                                x_9[2 * i + 1] = T.Shuffle([x_8[i // 4 * 8 + i % 4], x_8[i // 4 * 8 + i % 4 + 4]], [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
                                            for i in T.unroll(8):
                                                x_8[2 * i + 0] = T.Shuffle([x_9[i // 8 * 16 + i % 8], x_9[i // 8 * 16 + i % 8 + 8]], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
                                                x_8[2 * i + 1] = T.Shuffle([x_9[i // 8 * 16 + i % 8], x_9[i // 8 * 16 + i % 8 + 8]], [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
                                            for i in T.unroll(16):
                                                f[T.ramp(columns_at + g * 1024 + (first + i) * 16, 1, 16)] = x_8[i]
                                    for block in range(4):
                                        first_row: T.int32 = block * 32
                                        # scores [k 32, q 32] = k [k, d 64] . query [d, q]
                                        for g in range(tiles_now):
                                            T.evaluate(T.call_extern('int32', 'attnc_tiles_2x2', T.address_of(f[scores_at + (g * 32 + 0) * 32 + 0]), T.address_of(f[key_rows_at + (g * 32 + 0) * 32]), T.address_of(f[query_at + first_row + 0]), T.int64(128), T.int64(128), T.int64(512), T.int64(64), T.int64(8192), T.int64(2), T.int32(1)))
                                        # partial tiles
                                        for behind in range(tiles_now - full_now):
                                            g: T.int32 = full_now + behind
                                            for j in range(32):
                                                row: T.int32 = lists[list_at + g] * 32 + j
                                                key: T.int32 = k_start + row
                                                for w in T.unroll(2):
                                                    v: T.int32 = block * 2 + w
                                                    query: T.let = T.ramp(q_first + v * 16, 1, 16)
                                                    # only where k <= q
                                                    s_10: T.let = T.Select(T.And(T.broadcast((key < (k_start + k_len)), 16), (T.broadcast(key, 16) <= query)), f[T.ramp(scores_at + (g * 32 + j) * 32 + w * 16, 1, 16)], T.broadcast(T.float32(-1e+38), 16))
                                                    f[T.ramp(scores_at + (g * 32 + j) * 32 + w * 16, 1, 16)] = s_10
                                        rise = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        rise[0] = T.broadcast(T.float32(-1e+30), 16)
                                        for w in T.unroll(2):
                                            v: T.int32 = block * 2 + w
                                            top = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            top[0] = T.broadcast(T.float32(-1e+30), 16)
                                            top[1] = T.broadcast(T.float32(-1e+30), 16)
                                            top[2] = T.broadcast(T.float32(-1e+30), 16)
                                            top[3] = T.broadcast(T.float32(-1e+30), 16)
                                            for j in range(tiles_now * 8):
                                                top[0] = T.max(top[0], f[T.ramp(scores_at + (j * 4 + 0) * 32 + w * 16, 1, 16)])
                                                top[1] = T.max(top[1], f[T.ramp(scores_at + (j * 4 + 1) * 32 + w * 16, 1, 16)])
                                                top[2] = T.max(top[2], f[T.ramp(scores_at + (j * 4 + 2) * 32 + w * 16, 1, 16)])
                                                top[3] = T.max(top[3], f[T.ramp(scores_at + (j * 4 + 3) * 32 + w * 16, 1, 16)])
                                            top[0] = T.max(T.max(top[0], top[1]), T.max(top[2], top[3]))
                                            f[T.ramp(rescale_at + v * 16, 1, 16)] = T.max(f[T.ramp(maximum_at + v * 16, 1, 16)], top[0] * T.broadcast(score_scale, 16))
                                            rise[0] = T.max(rise[0], f[T.ramp(rescale_at + v * 16, 1, 16)] - f[T.ramp(maximum_at + v * 16, 1, 16)])
                                        rise[0] = T.max(rise[0], T.Shuffle([rise[0]], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]))
                                        rise[0] = T.max(rise[0], T.Shuffle([rise[0]], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1]))
                                        rise[0] = T.max(rise[0], T.Shuffle([rise[0]], [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3]))
                                        rise[0] = T.max(rise[0], T.Shuffle([rise[0]], [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]))
                                        f[T.ramp(rise_at + 0, 1, 16)] = rise[0]
                                        if T.float32(8.0) < f[rise_at]:
                                            for w in T.unroll(2):
                                                v: T.int32 = block * 2 + w
                                                x_11 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                                x_11[0] = (f[T.ramp(maximum_at + v * 16, 1, 16)] - f[T.ramp(rescale_at + v * 16, 1, 16)])
                                                r_12: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_11[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                p_13: T.let = T.broadcast(T.float32(0.00186713), 16) * r_12 + T.broadcast(T.float32(0.00901703), 16)
                                                p_14: T.let = p_13 * r_12 + T.broadcast(T.float32(0.05579991), 16)
                                                p_15: T.let = p_14 * r_12 + T.broadcast(T.float32(0.24016445), 16)
                                                p_16: T.let = p_15 * r_12 + T.broadcast(T.float32(0.69315131), 16)
                                                factor_17: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_16 * r_12) + T.broadcast(T.float32(1.0), 16), x_11[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                f[T.ramp(maximum_at + v * 16, 1, 16)] = f[T.ramp(rescale_at + v * 16, 1, 16)]
                                                f[T.ramp(total_at + v * 16, 1, 16)] = f[T.ramp(total_at + v * 16, 1, 16)] * factor_17
                                                for i in range(64):
                                                    f[T.ramp(output_at + i * 128 + v * 16, 1, 16)] = f[T.ramp(output_at + i * 128 + v * 16, 1, 16)] * factor_17
                                        for w in T.unroll(2):
                                            v: T.int32 = block * 2 + w
                                            part = T.alloc_buffer((4,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                            part[0] = f[T.ramp(total_at + v * 16, 1, 16)]
                                            highest: T.let = f[T.ramp(maximum_at + v * 16, 1, 16)]
                                            part[1] = T.broadcast(T.float32(0.0), 16)
                                            part[2] = T.broadcast(T.float32(0.0), 16)
                                            part[3] = T.broadcast(T.float32(0.0), 16)
                                            for j in range(tiles_now * 8):
                                                x_18 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                                x_18[0] = (f[T.ramp(scores_at + (j * 4 + 0) * 32 + w * 16, 1, 16)] * T.broadcast(score_scale, 16) - highest)
                                                r_19: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_18[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                p_20: T.let = T.broadcast(T.float32(0.07706704), 16) * r_19 + T.broadcast(T.float32(0.22764499), 16)
                                                p_21: T.let = p_20 * r_19 + T.broadcast(T.float32(0.69511679), 16)
                                                w_22: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_21 * r_19) + T.broadcast(T.float32(1.0), 16), x_18[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                part[0] = part[0] + w_22
                                                x_23 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                                x_23[0] = (f[T.ramp(scores_at + (j * 4 + 1) * 32 + w * 16, 1, 16)] * T.broadcast(score_scale, 16) - highest)
                                                r_24: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_23[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                p_25: T.let = T.broadcast(T.float32(0.07706704), 16) * r_24 + T.broadcast(T.float32(0.22764499), 16)
                                                p_26: T.let = p_25 * r_24 + T.broadcast(T.float32(0.69511679), 16)
                                                w_27: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_26 * r_24) + T.broadcast(T.float32(1.0), 16), x_23[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                part[1] = part[1] + w_27
                                                x_28 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                                x_28[0] = (f[T.ramp(scores_at + (j * 4 + 2) * 32 + w * 16, 1, 16)] * T.broadcast(score_scale, 16) - highest)
                                                r_29: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_28[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                p_30: T.let = T.broadcast(T.float32(0.07706704), 16) * r_29 + T.broadcast(T.float32(0.22764499), 16)
                                                p_31: T.let = p_30 * r_29 + T.broadcast(T.float32(0.69511679), 16)
                                                w_32: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_31 * r_29) + T.broadcast(T.float32(1.0), 16), x_28[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                part[2] = part[2] + w_32
                                                x_33 = T.alloc_buffer((1,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                                x_33[0] = (f[T.ramp(scores_at + (j * 4 + 3) * 32 + w * 16, 1, 16)] * T.broadcast(score_scale, 16) - highest)
                                                r_34: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.reduce.ps.512', x_33[0], T.int32(9), T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                p_35: T.let = T.broadcast(T.float32(0.07706704), 16) * r_34 + T.broadcast(T.float32(0.22764499), 16)
                                                p_36: T.let = p_35 * r_34 + T.broadcast(T.float32(0.69511679), 16)
                                                w_37: T.let = T.call_llvm_pure_intrin('float32x16', 'llvm.x86.avx512.mask.scalef.ps.512', (p_36 * r_34) + T.broadcast(T.float32(1.0), 16), x_33[0], T.broadcast(T.float32(0.0), 16), T.int16(-1), T.int32(4))
                                                part[3] = part[3] + w_37
                                                f[T.ramp(scores_at + (j * 2 + 0) * 32 + w * 16, 1, 16)] = T.reinterpret('float32x16', T.bitwise_or(T.shift_right((T.reinterpret('uint32x16', w_22) + T.broadcast(T.uint32(0x8000), 16)), T.broadcast(T.uint32(0x10), 16)), T.bitwise_and((T.reinterpret('uint32x16', w_27) + T.broadcast(T.uint32(0x8000), 16)), T.broadcast(T.uint32(0xffff0000), 16))))
                                                f[T.ramp(scores_at + (j * 2 + 1) * 32 + w * 16, 1, 16)] = T.reinterpret('float32x16', T.bitwise_or(T.shift_right((T.reinterpret('uint32x16', w_32) + T.broadcast(T.uint32(0x8000), 16)), T.broadcast(T.uint32(0x10), 16)), T.bitwise_and((T.reinterpret('uint32x16', w_37) + T.broadcast(T.uint32(0x8000), 16)), T.broadcast(T.uint32(0xffff0000), 16))))
                                            f[T.ramp(total_at + v * 16, 1, 16)] = (part[0] + part[1]) + (part[2] + part[3])
                                        # output [v 64, q 32] += v [k, v]^T . scores [k, q]
                                        T.evaluate(T.call_extern('int32', 'attnc_tiles_2x2', T.address_of(f[output_at + first_row + 0]), T.address_of(f[columns_at + 0]), T.address_of(f[scores_at + 0]), T.int64(512), T.int64(64), T.int64(128), T.int64(4096), T.int64(2048), T.Cast('int64', tiles_now), T.int32(0)))
                                        T.evaluate(T.call_extern('int32', 'attnc_tiles_2x2', T.address_of(f[output_at + first_row + 4096]), T.address_of(f[columns_at + 512]), T.address_of(f[scores_at + 0]), T.int64(512), T.int64(64), T.int64(128), T.int64(4096), T.int64(2048), T.Cast('int64', tiles_now), T.int32(0)))
                                for v in T.unroll(8):
                                    sums_38: T.let = f[T.ramp(total_at + v * 16, 1, 16)]
                                    z_39: T.let = T.reinterpret('int32x16', sums_38)
                                    n_40: T.let = T.shift_right(z_39 - T.broadcast(T.int32(1060439283), 16), T.broadcast(T.int32(23), 16))
                                    m_41: T.let = T.reinterpret('float32x16', z_39 - T.shift_left(n_40, T.broadcast(T.int32(23), 16)))
                                    y_42: T.let = (m_41 - T.broadcast(T.float32(1.0), 16)) / (m_41 + T.broadcast(T.float32(1.0), 16))
                                    r_43: T.let = y_42 * y_42
                                    p_44: T.let = T.broadcast(T.float32(0.2222222222222222), 16) * r_43 + T.broadcast(T.float32(0.2857142857142857), 16)
                                    p_45: T.let = p_44 * r_43 + T.broadcast(T.float32(0.4), 16)
                                    p_46: T.let = p_45 * r_43 + T.broadcast(T.float32(0.6666666666666666), 16)
                                    p_47: T.let = p_46 * r_43 + T.broadcast(T.float32(2.0), 16)
                                    e_48: T.let = T.Cast('float32x16', n_40) * T.broadcast(T.float32(0.6931471805599453), 16) + p_47 * y_42
                                    f[T.ramp(maximum_at + v * 16, 1, 16)] = T.Select(sums_38 != T.broadcast(T.float32(0.0), 16), f[T.ramp(maximum_at + v * 16, 1, 16)] * T.broadcast(T.float32(0.6931471805599453), 16) + e_48, T.broadcast(T.float32('-inf'), 16))
                                    f[T.ramp(total_at + v * 16, 1, 16)] = T.Select(sums_38 != T.broadcast(T.float32(0.0), 16), T.broadcast(T.float32(1.0), 16) / sums_38, T.broadcast(T.float32(0.0), 16))
                                # out_t [q 128, v 64] = output^T / total
                                for turn in range(8):
                                    v: T.int32 = 7 - turn
                                    for block in range(4):
                                        first: T.int32 = T.min(block * 16, 48)
                                        x_49 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        x_50 = T.alloc_buffer((16,), 'float32x16', scope='local', annotations={'disable_lower_builtin': True})
                                        for i in T.unroll(16):
                                            x_49[i] = f[T.ramp(output_at + (first + i) * 128 + v * 16, 1, 16)] * f[T.ramp(total_at + v * 16, 1, 16)]
                                        for i in T.unroll(8):
                                            x_50[2 * i + 0] = T.Shuffle([x_49[i // 1 * 2 + i % 1], x_49[i // 1 * 2 + i % 1 + 1]], [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
                                            x_50[2 * i + 1] = T.Shuffle([x_49[i // 1 * 2 + i % 1], x_49[i // 1 * 2 + i % 1 + 1]], [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])
                                        for i in T.unroll(8):
                                            x_49[2 * i + 0] = T.Shuffle([x_50[i // 2 * 4 + i % 2], x_50[i // 2 * 4 + i % 2 + 2]], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27])
                                            x_49[2 * i + 1] = T.Shuffle([x_50[i // 2 * 4 + i % 2], x_50[i // 2 * 4 + i % 2 + 2]], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
                                        for i in T.unroll(8):
                                            x_50[2 * i + 0] = T.Shuffle([x_49[i // 4 * 8 + i % 4], x_49[i // 4 * 8 + i % 4 + 4]], [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29])
                                            x_50[2 * i + 1] = T.Shuffle([x_49[i // 4 * 8 + i % 4], x_49[i // 4 * 8 + i % 4 + 4]], [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
                                        for i in T.unroll(8):
                                            x_49[2 * i + 0] = T.Shuffle([x_50[i // 8 * 16 + i % 8], x_50[i // 8 * 16 + i % 8 + 8]], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
                                            x_49[2 * i + 1] = T.Shuffle([x_50[i // 8 * 16 + i % 8], x_50[i // 8 * 16 + i % 8 + 8]], [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31])
                                        for i in T.unroll(16):
                                            bits_51: T.let = T.reinterpret('uint32x16', (x_49[15 - i]))
                                            out_t[T.ramp(out_base + T.Cast('int64', i_first + T.min((v * 16 + 15 - i), T.min(128, q_len - i_first) - 1)) * out_s2 + first, 1, 16)] = T.Cast('uint16x16', T.shift_right(bits_51 + T.broadcast(T.uint32(0x7fff), 16) + T.bitwise_and(T.shift_right(bits_51, T.broadcast(T.uint32(0x10), 16)), T.broadcast(T.uint32(0x1), 16)), T.broadcast(T.uint32(0x10), 16)))
                                for r in range(T.min(128, q_len - i_first)):
                                    lse_at: T.int64 = T.Cast('int64', s) * lse_s0 + T.Cast('int64', h) * lse_s1 + T.Cast('int64', q_row + i_first + r) * lse_s2
                                    lse_t[lse_at] = f[maximum_at + r]
                                T.evaluate(T.call_extern('int32', 'attnc_tiles_end', T.address_of(f[before_at])))
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
                        i_first: T.int32 = t * 128
                        q_first: T.int32 = q_start + i_first
                        if t * 128 < q_len:
                            count[0] = 0
                            count[1] = 0
                            if k_len > 0:
                                pass
                                # the full tiles
                                low_52: T.int32 = 0
                                high_53: T.int32 = T.min(((4 * t) + T.floordiv((q_start + 1), 32)), T.floordiv(k_len, 32))
                                for c_i in range(T.max(0, high_53 - low_52)):
                                    c: T.int32 = low_52 + c_i
                                    tile: T.int32 = c
                                    count[0] = count[0] + 1
                                # the partial tiles
                                low_54: T.int32 = T.max(0, ((4 * t) + T.floordiv((q_start + 1), 32)))
                                high_55: T.int32 = T.min(T.min(((((4 * t) + T.floordiv((q_start - 1), 32)) + 4) + 1), (T.floordiv(((q_start + q_len) - 1), 32) + 1)), T.floordiv(k_len, 32))
                                for c_i in range(T.max(0, high_55 - low_54)):
                                    c: T.int32 = low_54 + c_i
                                    tile: T.int32 = c
                                    count[1] = count[1] + 1
                                if T.And(T.And((T.floormod(k_len, 32) >= 1), (((T.floormod(k_len, 32) + q_start) + q_len) >= (k_len + 1))), ((((T.floormod(k_len, 32) + q_start) + (128 * t)) + 127) >= k_len)):
                                    tile: T.int32 = T.floordiv((k_len - 1), 32)
                                    count[1] = count[1] + 1
                            if fill == 0:
                                offsets[unit * 2 + 0] = T.Cast('int64', count[0])
                                offsets[unit * 2 + 1] = T.Cast('int64', count[1])
                    mine[0] = T.call_extern('int32', 'attnc.take', T.address_of(taken[0]))
