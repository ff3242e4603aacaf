"""The two dialects: `attn` says what is computed, `tile` says how."""
