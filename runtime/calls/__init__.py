"""A call: its tensors, positions, lengths and inputs, checked, as all runners take them."""
