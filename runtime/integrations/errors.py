"""What an integration refuses, so that nothing a model asks for is dropped silently."""

from dataclasses import dataclass

from attnc.dsl.failures import Failure


@dataclass(eq=False)
class PaddingWithHoles(Failure):
    """A padding mask whose real tokens are not one run."""

    template = "batch entry {entry} has padding between its real tokens"
    notes = ("pad on the left to generate, and on one side only to encode",)
    entry: int


@dataclass(eq=False)
class UnsupportedMask(Failure):
    """A mask that the model adds by itself and that no spec was told about."""

    template = "the model's mask holds `{what}`, which the spec does not see"
    notes = ('write it in the spec, then pass `ignore=("{what}",)`',)
    what: str


@dataclass(eq=False)
class DenseMask(Failure):
    """A mask tensor in place of a padding mask."""

    template = "the attention mask is a tensor of shape {shape}; a pattern is written in the spec"
    notes = ("pass the padding as a mask of shape (batch, length), or none",)
    shape: tuple[int, ...]


@dataclass(eq=False)
class PackedBatch(Failure):
    """Packed sequences in more than one batch row."""

    template = "packed sequences in a batch of {batch} rows"
    notes = ("flatten the batch into one row",)
    batch: int


@dataclass(eq=False)
class PackedCrossAttention(Failure):
    """Packed sequences whose queries and keys are cut in different places."""

    template = "`cu_seq_lens_q` and `cu_seq_lens_k` differ"


@dataclass(eq=False)
class DropoutRequested(Failure):
    """Attention dropout, which kernels do not have."""

    template = "attention dropout {dropout} is not supported"
    notes = ("set `attention_dropout` of the model's config to 0, or call `model.eval()`",)
    dropout: float


@dataclass(eq=False)
class UnsupportedKeyword(Failure):
    """Something that a layer passes to its attention and that no input of the spec takes."""

    template = "the layer passes `{name}`, which the spec does not take"
    notes = (
        'name the input that takes it, `inputs={{"{name}": ...}}`, '
        'or, if the spec holds it already, pass `ignore=("{name}",)`',
    )
    name: str


@dataclass(eq=False)
class LayerWithoutOperator(Failure):
    """A sliding-window layer, or a full one, that no operator was registered for."""

    template = "no operator is registered for {kind} layers"
    notes = ("pass `{kind}=`",)
    kind: str


@dataclass(eq=False)
class KeysDropped(Failure):
    """A cache that drops keys which the spec may still look at."""

    template = "the model's cache keeps {window} keys for this layer, but its spec looks further"
    notes = ("generate with `use_cache=False`, or with a cache that keeps all keys",)
    window: int
