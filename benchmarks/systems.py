"""Published systems and the specs that say what they attend to: the rows of `docs/catalogue.md`."""

from typing import NamedTuple


class System(NamedTuple):
    """A system, or several with the same relations, and its specs."""

    name: str
    specs: tuple[str, ...]


def _specs(family: str, names: str) -> tuple[str, ...]:
    return tuple(f"{family}/{name}" for name in names.split())


def line(name: str, specs: str) -> System:
    """A system on sequences."""
    return System(name, _specs("line", specs))


def grid(name: str, specs: str) -> System:
    """A system on images and videos."""
    return System(name, _specs("grid", specs))


def given(name: str, specs: str) -> System:
    """A system whose relation is given at run time."""
    return System(name, _specs("input", specs))


def route(name: str, specs: str) -> System:
    """A system that computes its relation from the data."""
    return System(name, _specs("route", specs))


FAMILIES: dict[str, tuple[System, ...]] = {
    "A. One axis: windows, sinks, globals, strides, distance sets": (
        line("full, causal, prefix LM", "full causal prefix_lm"),
        line("StreamingLLM", "streaming_llm"),
        line("Mistral, Vi-Mistral-X", "mistral"),
        line("Moonshine v2", "moonshine"),
        line("Longformer", "longformer longformer_dilated"),
        line("BigBird", "bigbird"),
        line("Sparse Transformer", "sparse_transformer_strided sparse_transformer_fixed"),
        line("PowerAttention", "power_attention"),
        line("S2-Attention", "s2_attention"),
        line("LongLoRA, SinkLoRA", "longlora sink_lora"),
        line("StreamingVLM", "streaming_vlm"),
        System("SeNER", ("line/sener_arrow", "grid/sener_plus")),
        line("Information Pathways (stochastic subsampling)", "subsample"),
        line("Block diffusion (BD3-LM, NBDiff)", "block_diffusion block_diffusion_train"),
        line("ShortSWA", "short_swa"),
        line("Progressive localisation", "progressive_stack"),
    ),
    "B. Grids": (
        grid("NATTEN, Faster NA", "natten1d natten2d natten3d"),
        grid("Generalized NA", "gna"),
        grid("DiNAT", "dinat_stack"),
        grid("HaloNet", "halonet"),
        grid("Swin and its users", "swin swin_shifted axial checkerboard"),
        grid("HiDiffusion", "hidiffusion"),
        grid("CLEAR", "clear"),
        grid("Radial Attention", "radial"),
        grid("FreeSwim", "freeswim"),
        grid("OSP-Next Skiparse", "skiparse_token skiparse_group"),
        grid("AtlasVid", "atlasvid"),
        grid("GC ViT", "gcvit"),
        grid("Gated-SwinRMT", "swin_rmt"),
        grid(
            "AR-Diffusion, MotionStream, Reward Forcing, Knot Forcing, ReKV",
            "frame_causal motionstream reward_forcing knot_forcing",
        ),
        grid("Seer (video), VSTAR", "temporal spatial"),
        grid("Ouroboros, VFXMaster, CubeComposer, Slow-Fast", "segments"),
    ),
    "C. Relations given at run time": (
        given("packed documents", "document"),
        given("Mesh Transformer", "mesh"),
        given("kNN and neighbour views (PointGS, CoSER)", "gather"),
        given("SwinBERT", "learned_mask"),
        given("Attention-Gate", "key_flags"),
        given("Retrieval heads, LServe, DuoAttention", "head_classes"),
        given("Revela", "revela"),
        given("Recycled, HyLRA, DELTA, LycheeDecode", "reuse"),
    ),
    "D. Relations computed from the data": (
        route("MoBA, VMoBA", "moba vmoba_1d vmoba_2d vmoba_3d"),
        route("NSA, TabNSA", "nsa"),
        route("InfLLM, InfLLM-V2", "infllm infllm_v2"),
        route("SeerAttention", "seer"),
        route("Landmark, HCAM, LongHeads, ReKV", "landmark hcam longheads rekv"),
        route("DMA", "dma"),
        route("PSA", "psa"),
        route("DHSA", "dhsa"),
        route("HiP", "hip"),
        route("NOSA", "nosa"),
        route(
            "MInference, MMInference, FlexPrefill, TCA", "minference mminference flexprefill tca"
        ),
        route("LServe, RTPurbo", "lserve rtpurbo"),
        route("Token Sparse Attention", "token_sparse"),
        route("Squeezed Attention", "squeezed"),
        route("Routing Transformer", "routing_transformer"),
        route("HyperAttention, HAX, Reformer", "hyper hax reformer"),
        route("Flux", "flux"),
        route(
            "CasP, DARE, varied-size VSA, MatchAttention", "casp dare varied_window match_window"
        ),
        route("Re-ttention, FlashBlock", "rettention flashblock"),
        route("CCA, Combiner, SCOUT", "cca combiner scout"),
    ),
}
OTHERS = "Others that ship"
AS_THEY_COME = "D. Relations computed from the data"  # its missing rows are counted, not listed


def rows(shipped: tuple[str, ...]) -> dict[str, list[System]]:
    """The systems of each family; shipped specs of no system are under `OTHERS`."""
    found = {family: list(systems) for family, systems in FAMILIES.items()}
    named = {spec for systems in FAMILIES.values() for one in systems for spec in one.specs}
    found[OTHERS] = [System("", (spec,)) for spec in shipped if spec not in named]
    return found
