"""BD3-LM, section 3.2: M_BD, M_OBC and M_BC over the noisy half and the clean half."""


def keys(q, length, h, heads, *, size):
    half = length // 2

    def stream(i):  # (is it clean, its block)
        return (True, (i - half) // size) if i >= half else (False, i // size)

    is_clean, block = stream(q)
    for j in range(length):
        clean_key, key_block = stream(j)
        block_diagonal = not is_clean and not clean_key and block == key_block
        offset_block_causal = not is_clean and clean_key and key_block < block
        block_causal = is_clean and clean_key and key_block <= block
        if block_diagonal or offset_block_causal or block_causal:
            yield j
