"""StreamingVLM: sinks, recent frames, text for longer."""


def keys(q, length, h, heads, *, sinks, text_window, vision_window, vision):
    for j in range(min(q + 1, length)):
        age = q - j
        if j < sinks or age < (vision_window if vision[j] else max(text_window, vision_window)):
            yield j
