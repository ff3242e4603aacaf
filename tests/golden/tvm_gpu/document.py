# document(), written by attnc 0.1.0
@I.ir_module
class Module:
    @T.prim_func(s_tir=True)
    def attention(q_rows_: T.handle, k_rows_: T.handle, v_rows_: T.handle, out_: T.handle, lse_: T.handle, in_doc_: T.handle, full_kv_num_blocks_: T.handle, full_kv_indices_: T.handle, kv_num_blocks_: T.handle, kv_indices_: T.handle, batch: T.int32, heads: T.int32, group: T.int32, q_start: T.int32, q_len: T.int32, k_len: T.int32, doc_sb: T.int32, doc_stoken: T.int32, plan_sb: T.int32, plan_sh: T.int32, plan_columns: T.int32, scale: T.float32):
        T.func_attr({"global_symbol": "attention", "tirx.noalias": True})
        q_rows = T.match_buffer(q_rows_, (T.int64(1099511627776),), 'float32', align=4)
        k_rows = T.match_buffer(k_rows_, (T.int64(1099511627776),), 'float32', align=4)
        v_rows = T.match_buffer(v_rows_, (T.int64(1099511627776),), 'float32', align=4)
        out = T.match_buffer(out_, (T.int64(1099511627776),), 'float32', align=4)
        lse = T.match_buffer(lse_, (T.int64(1099511627776),), 'float32', align=4)
        in_doc = T.match_buffer(in_doc_, (T.int64(1099511627776),), 'int32', align=4)
        full_kv_num_blocks = T.match_buffer(full_kv_num_blocks_, (T.int64(1099511627776),), 'int32', align=4)
        full_kv_indices = T.match_buffer(full_kv_indices_, (T.int64(1099511627776),), 'int32', align=4)
        kv_num_blocks = T.match_buffer(kv_num_blocks_, (T.int64(1099511627776),), 'int32', align=4)
        kv_indices = T.match_buffer(kv_indices_, (T.int64(1099511627776),), 'int32', align=4)
        for b in T.thread_binding(batch, 'blockIdx.z'):
            for h in T.thread_binding(heads, 'blockIdx.y'):
                for group_x in T.thread_binding((q_len + 31) // 32, 'blockIdx.x'):
                    for item in T.thread_binding(128, 'threadIdx.x'):
                        queries = T.alloc_buffer((2080,), 'float32', scope='shared')
                        visited = T.alloc_buffer((2080,), 'float32', scope='shared')
                        scores = T.alloc_buffer((1056,), 'float32', scope='shared')
                        parts = T.alloc_buffer((128,), 'float32', scope='shared')
                        factors = T.alloc_buffer((32,), 'float32', scope='shared')
                        s_own = T.alloc_buffer((8,), 'float32', scope='local')
                        out_own = T.alloc_buffer((16,), 'float32', scope='local')
                        w_own = T.alloc_buffer((8,), 'float32', scope='local')
                        state = T.alloc_buffer((2,), 'float32', scope='local')
                        top = T.alloc_buffer((1,), 'float32', scope='local')
                        # the tiles that see most keys come first
                        t: T.int32 = (q_len + 31) // 32 - 1 - group_x
                        down: T.int32 = item // 16
                        across: T.int32 = item % 16
                        softmax_row: T.int32 = item // 4
                        lane: T.int32 = item % 4
                        first_row: T.int64 = (T.Cast('int64', b) * heads + h) * q_len + t * 32
                        k_at: T.int64 = (T.Cast('int64', b) * T.truncdiv(heads, group) + T.truncdiv(h, group)) * k_len * 64
                        v_at: T.int64 = (T.Cast('int64', b) * T.truncdiv(heads, group) + T.truncdiv(h, group)) * k_len * 64
                        own_row: T.int32 = t * 32 + softmax_row
                        q: T.int32 = q_start + T.min(own_row, q_len - 1)
                        state[0] = T.float32('-inf')
                        state[1] = T.float32(0)
                        for i in range(16):
                            out_own[i] = T.float32(0)
                        for i in range(16):
                            e: T.int32 = i * 128 + item
                            queries[e // 64 * 65 + e % 64] = T.if_then_else(e // 64 < q_len - t * 32, q_rows[first_row * 64 + e], T.float32(0)) * (scale * T.float32(1.4426950408889634))
                        # the full tiles
                        for n_visit in range(full_kv_num_blocks[b * plan_sb + h * plan_sh + t]):
                            tile: T.int32 = full_kv_indices[T.Cast('int64', b * plan_sb + h * plan_sh + t) * plan_columns + n_visit]
                            T.tvm_storage_sync('shared')
                            for i in range(16):
                                e: T.int32 = i * 128 + item
                                visited[e // 64 * 65 + e % 64] = k_rows[k_at + T.Cast('int64', tile) * 2048 + e]
                            T.tvm_storage_sync('shared')
                            for i, j in T.grid(4, 2):
                                s_own[i * 2 + j] = T.float32(0)
                            for d in range(64):
                                for i, j in T.grid(4, 2):
                                    s_own[i * 2 + j] = s_own[i * 2 + j] + queries[(down + 8 * i) * 65 + d] * visited[(across + 16 * j) * 65 + d]
                            for i, j in T.grid(4, 2):
                                scores[(down + 8 * i) * 33 + (across + 16 * j)] = s_own[i * 2 + j]
                            T.tvm_storage_sync('shared')
                            for i in range(16):
                                e: T.int32 = i * 128 + item
                                visited[e // 64 * 65 + e % 64] = v_rows[v_at + T.Cast('int64', tile) * 2048 + e]
                            top[0] = state[0]
                            for j in range(8):
                                w_own[j] = scores[softmax_row * 33 + lane + 4 * j]
                                top[0] = T.max(top[0], w_own[j])
                            parts[item] = top[0]
                            T.tvm_storage_sync('shared')
                            for j in range(4):
                                top[0] = T.max(top[0], parts[softmax_row * 4 + j])
                            safe: T.let = T.Select(top[0] == T.float32('-inf'), T.float32(0), top[0])
                            factor: T.let = T.exp2((state[0] - safe))
                            state[0] = top[0]
                            state[1] = state[1] * factor
                            if lane == 0:
                                factors[softmax_row] = factor
                            for j in range(8):
                                w_own[j] = T.exp2((w_own[j] - safe))
                                scores[softmax_row * 33 + lane + 4 * j] = w_own[j]
                                state[1] = state[1] + w_own[j]
                            T.tvm_storage_sync('shared')
                            for i, j in T.grid(4, 4):
                                out_own[i * 4 + j] = out_own[i * 4 + j] * factors[(down + 8 * i)]
                            for n in range(32):
                                for i, j in T.grid(4, 4):
                                    out_own[i * 4 + j] = out_own[i * 4 + j] + scores[(down + 8 * i) * 33 + n] * visited[n * 65 + across + 16 * j]
                        # the partial tiles
                        for n_visit in range(kv_num_blocks[b * plan_sb + h * plan_sh + t]):
                            tile: T.int32 = kv_indices[T.Cast('int64', b * plan_sb + h * plan_sh + t) * plan_columns + n_visit]
                            T.tvm_storage_sync('shared')
                            for i in range(16):
                                e: T.int32 = i * 128 + item
                                visited[e // 64 * 65 + e % 64] = T.if_then_else(e // 64 < k_len - tile * 32, k_rows[k_at + T.Cast('int64', tile) * 2048 + e], T.float32(0))
                            T.tvm_storage_sync('shared')
                            for i, j in T.grid(4, 2):
                                s_own[i * 2 + j] = T.float32(0)
                            for d in range(64):
                                for i, j in T.grid(4, 2):
                                    s_own[i * 2 + j] = s_own[i * 2 + j] + queries[(down + 8 * i) * 65 + d] * visited[(across + 16 * j) * 65 + d]
                            for i, j in T.grid(4, 2):
                                scores[(down + 8 * i) * 33 + (across + 16 * j)] = s_own[i * 2 + j]
                            T.tvm_storage_sync('shared')
                            for i in range(16):
                                e: T.int32 = i * 128 + item
                                visited[e // 64 * 65 + e % 64] = T.if_then_else(e // 64 < k_len - tile * 32, v_rows[v_at + T.Cast('int64', tile) * 2048 + e], T.float32(0))
                            top[0] = state[0]
                            for j in range(8):
                                key: T.int32 = tile * 32 + lane + 4 * j
                                position: T.int32 = T.min(key, k_len - 1)
                                s_1: T.let = scores[softmax_row * 33 + lane + 4 * j]
                                w_own[j] = T.Select(T.And(key < k_len, T.And((position <= q), (in_doc[b * doc_sb + T.max(0, T.min(q, k_len - 1)) * doc_stoken] == in_doc[b * doc_sb + T.max(0, T.min(position, k_len - 1)) * doc_stoken]))), s_1, T.float32('-inf'))
                                top[0] = T.max(top[0], w_own[j])
                            parts[item] = top[0]
                            T.tvm_storage_sync('shared')
                            for j in range(4):
                                top[0] = T.max(top[0], parts[softmax_row * 4 + j])
                            safe: T.let = T.Select(top[0] == T.float32('-inf'), T.float32(0), top[0])
                            factor: T.let = T.exp2((state[0] - safe))
                            state[0] = top[0]
                            state[1] = state[1] * factor
                            if lane == 0:
                                factors[softmax_row] = factor
                            for j in range(8):
                                w_own[j] = T.exp2((w_own[j] - safe))
                                scores[softmax_row * 33 + lane + 4 * j] = w_own[j]
                                state[1] = state[1] + w_own[j]
                            T.tvm_storage_sync('shared')
                            for i, j in T.grid(4, 4):
                                out_own[i * 4 + j] = out_own[i * 4 + j] * factors[(down + 8 * i)]
                            for n in range(32):
                                for i, j in T.grid(4, 4):
                                    out_own[i * 4 + j] = out_own[i * 4 + j] + scores[(down + 8 * i) * 33 + n] * visited[n * 65 + across + 16 * j]
                        parts[item] = state[1]
                        T.tvm_storage_sync('shared')
                        top[0] = T.float32(0)
                        for j in range(4):
                            top[0] = top[0] + parts[softmax_row * 4 + j]
                        empty: T.let = top[0] == T.float32(0)
                        total: T.let = T.Select(empty, T.float32(1), top[0])
                        lse_row: T.let = T.Select(empty, T.float32('-inf'), state[0] * T.float32(0.6931471805599453) + T.log(total))
                        over: T.let = T.float32(1) / total
                        if lane == 0:
                            factors[softmax_row] = over
                            if own_row < q_len:
                                lse[first_row + softmax_row] = lse_row
                        T.tvm_storage_sync('shared')
                        for i, j in T.grid(4, 4):
                            row_i: T.int32 = down + 8 * i
                            column: T.int32 = across + 16 * j
                            if T.And(t * 32 + row_i < q_len, column < 64):
                                out[(first_row + row_i) * 64 + column] = out_own[i * 4 + j] * factors[row_i]
    @T.prim_func(s_tir=True)
    def plan(in_doc_: T.handle, full_kv_num_blocks_: T.handle, full_kv_indices_: T.handle, kv_num_blocks_: T.handle, kv_indices_: T.handle, batch: T.int32, heads: T.int32, group: T.int32, q_start: T.int32, q_len: T.int32, k_len: T.int32, doc_sb: T.int32, doc_stoken: T.int32, plan_sb: T.int32, plan_sh: T.int32, plan_columns: T.int32):
        T.func_attr({"global_symbol": "plan", "tirx.noalias": True})
        in_doc = T.match_buffer(in_doc_, (T.int64(1099511627776),), 'int32', align=4)
        full_kv_num_blocks = T.match_buffer(full_kv_num_blocks_, (T.int64(1099511627776),), 'int32', align=4)
        full_kv_indices = T.match_buffer(full_kv_indices_, (T.int64(1099511627776),), 'int32', align=4)
        kv_num_blocks = T.match_buffer(kv_num_blocks_, (T.int64(1099511627776),), 'int32', align=4)
        kv_indices = T.match_buffer(kv_indices_, (T.int64(1099511627776),), 'int32', align=4)
        for b in T.thread_binding(batch, 'blockIdx.z'):
            for h in T.thread_binding(heads, 'blockIdx.y'):
                for t in T.thread_binding((q_len + 31) // 32, 'blockIdx.x'):
                    row: T.int32 = b * plan_sb + h * plan_sh + t
                    first: T.int64 = T.Cast('int64', row) * plan_columns
                    count = T.alloc_buffer((2,), 'int32', scope='local')
                    count[0] = 0
                    count[1] = 0
                    doc_q_ends = T.alloc_buffer((2,), 'int32', scope='local')
                    doc_q_ends[0] = in_doc[b * doc_sb + T.max(0, T.min((q_start + t * 32), k_len - 1)) * doc_stoken]
                    doc_q_ends[1] = in_doc[b * doc_sb + T.max(0, T.min((q_start + t * 32), k_len - 1)) * doc_stoken]
                    for r in range(T.min(32, q_len - t * 32)):
                        doc_q_ends[0] = T.min(doc_q_ends[0], in_doc[b * doc_sb + T.max(0, T.min((q_start + t * 32 + r), k_len - 1)) * doc_stoken])
                        doc_q_ends[1] = T.max(doc_q_ends[1], in_doc[b * doc_sb + T.max(0, T.min((q_start + t * 32 + r), k_len - 1)) * doc_stoken])
                    low_2: T.int32 = 0
                    high_3: T.int32 = T.min(T.min((((t + T.floordiv((q_start - 1), 32)) + 1) + 1), (T.floordiv(((q_start + q_len) - 1), 32) + 1)), (T.floordiv((k_len - 1), 32) + 1))
                    for c_i in range(T.max(0, high_3 - low_2)):
                        c: T.int32 = low_2 + c_i
                        tile: T.int32 = c
                        doc_k_ends = T.alloc_buffer((2,), 'int32', scope='local')
                        doc_k_ends[0] = in_doc[b * doc_sb + T.max(0, T.min((0 + tile * 32), k_len - 1)) * doc_stoken]
                        doc_k_ends[1] = in_doc[b * doc_sb + T.max(0, T.min((0 + tile * 32), k_len - 1)) * doc_stoken]
                        for r in range(T.min(32, k_len - tile * 32)):
                            doc_k_ends[0] = T.min(doc_k_ends[0], in_doc[b * doc_sb + T.max(0, T.min((0 + tile * 32 + r), k_len - 1)) * doc_stoken])
                            doc_k_ends[1] = T.max(doc_k_ends[1], in_doc[b * doc_sb + T.max(0, T.min((0 + tile * 32 + r), k_len - 1)) * doc_stoken])
                        if T.And(((0 + tile * 32) <= (q_start + T.min(t * 32 + 32, q_len) - 1)), T.And((doc_q_ends[0] <= doc_k_ends[1]), (doc_k_ends[0] <= doc_q_ends[1]))):
                            if T.And((tile + 1) * 32 <= k_len, T.And(((0 + T.min(tile * 32 + 32, k_len) - 1) <= (q_start + t * 32)), T.And((doc_q_ends[0] == doc_k_ends[1]), (doc_q_ends[1] == doc_k_ends[0])))):
                                full_kv_indices[first + count[0]] = tile
                                count[0] = count[0] + 1
                            else:
                                kv_indices[first + count[1]] = tile
                                count[1] = count[1] + 1
                    full_kv_num_blocks[row] = count[0]
                    kv_num_blocks[row] = count[1]
