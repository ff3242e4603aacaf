"""attnc inside other libraries. Each module imports its library only when it is called."""

from attnc.runtime.integrations.hugging_face import register

__all__ = ["register"]
