"""Configuration: frozen dataclasses, one per network and one per stage, nested in `Config`.

`ModelConfig` says what the networks look like; it is stored in the artefact and nothing at run time can change it.
`Config` says how they are used. Every default is the published IndexTTS-2 value. Unknown keys and values out of
range are `ConfigError`s that name the key.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from indextts2_jax.errors import ConfigError
from indextts2_jax.errors import require as _require
from indextts2_jax.options import (
    DurationConfig,
    PolishConfig,
    PrecisionConfig,
    RedrawConfig,
    StreamConfig,
    check_options,
    check_precision,
)

T = TypeVar("T")

# --- networks -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class W2vBertConfig:
    """w2v-bert-2.0 up to the hidden state that IndexTTS-2 reads (facebook/w2v-bert-2.0, config.json)."""

    input_dim: int = 160
    width: int = 1024
    layers: int = 17  # of the published 24: hidden_states[17] is the output of the 17th layer
    heads: int = 16
    ffn_dim: int = 4096
    conv_kernel: int = 31
    left_positions: int = 64
    right_positions: int = 8


@dataclasses.dataclass(frozen=True)
class SemanticCodecConfig:
    """MaskGCT's RepCodec, encoder half, quantiser and codebook (indextts/codec/maskgct_codec.py)."""

    hidden_size: int = 1024
    codebook_size: int = 8192
    codebook_dim: int = 8
    vocos_dim: int = 384
    vocos_intermediate_dim: int = 2048
    vocos_layers: int = 12


@dataclasses.dataclass(frozen=True)
class CampplusConfig:
    """CAM++ (indextts/s2mel/modules/campplus/DTDNN.py)."""

    feat_dim: int = 80
    embedding_size: int = 192
    head_channels: int = 32
    growth_rate: int = 32
    bottleneck_size: int = 4
    init_channels: int = 128
    block_layers: tuple[int, ...] = (12, 24, 16)
    block_dilations: tuple[int, ...] = (1, 2, 2)
    segment_frames: int = 100


@dataclasses.dataclass(frozen=True)
class ConformerConfig:
    """One conditioning encoder of the GPT (indextts/gpt/conformer_encoder.py)."""

    input_dim: int = 1024
    width: int = 512
    ffn_dim: int = 2048
    heads: int = 8
    blocks: int = 6
    conv_kernel: int = 15


@dataclasses.dataclass(frozen=True)
class PerceiverConfig:
    """One perceiver resampler of the GPT (indextts/gpt/perceiver.py)."""

    width: int = 1280
    context_dim: int = 512
    latents: int = 32
    heads: int = 8
    head_dim: int = 64
    depth: int = 2
    ffn_mult: int = 2


@dataclasses.dataclass(frozen=True)
class GptConfig:
    """UnifiedVoice: conditioning encoders and the GPT-2 speech language model (indextts/gpt/model_v2.py)."""

    width: int = 1280
    layers: int = 24
    heads: int = 20
    text_vocab: int = 12000  # text_embedding has one row more
    code_vocab: int = 8194  # codes 0..8191, start 8192, stop 8193
    max_text_tokens: int = 600
    max_mel_tokens: int = 1815
    start_text_token: int = 0
    stop_text_token: int = 1
    start_mel_token: int = 8192
    stop_mel_token: int = 8193
    speaker_conformer: ConformerConfig = ConformerConfig()
    speaker_perceiver: PerceiverConfig = PerceiverConfig()
    emotion_conformer: ConformerConfig = ConformerConfig(ffn_dim=1024, heads=4, blocks=4)
    emotion_perceiver: PerceiverConfig = PerceiverConfig(width=1024, latents=1, heads=4)


@dataclasses.dataclass(frozen=True)
class S2MelConfig:
    """Latent projection, length regulator and the DiT + WaveNet velocity network (indextts/s2mel/modules)."""

    latent_dim: int = 1280
    latent_hidden: tuple[int, ...] = (256, 128)
    semantic_dim: int = 1024
    width: int = 512
    heads: int = 8
    depth: int = 13
    mel_bins: int = 80
    style_dim: int = 192
    time_features: int = 256
    regulator_layers: int = 4
    wavenet_layers: int = 8
    wavenet_kernel: int = 5


@dataclasses.dataclass(frozen=True)
class BigVganConfig:
    """BigVGAN v2 (nvidia/bigvgan_v2_22khz_80band_256x, config.json)."""

    mel_bins: int = 80
    upsample_rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    upsample_kernels: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    initial_channels: int = 1536
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))


@dataclasses.dataclass(frozen=True)
class EmotionMatrixConfig:
    """The speaker and emotion rows behind the emotion vector (feat1.pt, feat2.pt)."""

    rows: tuple[int, ...] = (
        3,
        17,
        2,
        8,
        4,
        5,
        10,
        24,
    )  # happy angry sad afraid disgusted melancholic surprised calm
    style_dim: int = 192
    width: int = 1280


@dataclasses.dataclass(frozen=True)
class QwenConfig:
    """The emotion classifier, a Qwen3 language model, and how it is asked (qwen0.6bemo4-merge, config.json)."""

    vocab_size: int = 151936
    width: int = 1024
    layers: int = 28
    heads: int = 16
    key_heads: int = 8  # each serves heads / key_heads query heads
    head_dim: int = 128
    ffn_dim: int = 3072
    rope_theta: float = 1e6
    norm_epsilon: float = 1e-6
    stop_tokens: tuple[int, ...] = (151643,)  # <|endoftext|>
    before_text: str = "System: 文本情感分类<|endoftext|>\nHuman: "
    after_text: str = "<|endoftext|>\nAssistant:"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Every network of one model; stored as `model` in the artefact's config.json."""

    w2v_bert: W2vBertConfig = W2vBertConfig()
    semantic_codec: SemanticCodecConfig = SemanticCodecConfig()
    campplus: CampplusConfig = CampplusConfig()
    gpt: GptConfig = GptConfig()
    s2mel: S2MelConfig = S2MelConfig()
    bigvgan: BigVganConfig = BigVganConfig()
    emotion: EmotionMatrixConfig = EmotionMatrixConfig()
    text_frontend: str = "bpe"
    qwen: QwenConfig | None = None  # None where the model cannot read emotions from text


# --- stages ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class TextConfig:
    max_text_tokens_per_segment: int = 120
    max_english_tokens_per_segment: int = 0  # for English text (0: as above); 120 of its tokens are half a minute
    quick_streaming_tokens: int = 0  # merge short neighbours only after this many tokens (0: always)
    paragraph_pause_ms: int = 0  # silence between paragraphs (0: a line break is a space, as in the reference)


@dataclasses.dataclass(frozen=True)
class DecodeConfig:
    """Generation of semantic codes. `do_sample` with `num_beams > 1` is beam sampling, the published default."""

    do_sample: bool = True
    num_beams: int = 3
    top_k: int = 30
    top_p: float = 0.8
    temperature: float = 0.8
    repetition_penalty: float = 10.0
    length_penalty: float = 0.0
    max_mel_tokens: int = 1500


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    steps: int = 25
    guidance: float = 0.7
    temperature: float = 1.0


@dataclasses.dataclass(frozen=True)
class EmotionConfig:
    normalize_vector: bool = False  # the bias and the cap of 0.8 that upstream applies in its web page only
    # The reference encodes a speaker's clip again as its own emotion prompt, resampled another way. False: once, for
    # both; the two emotion vectors differ by less than anyone hears, and w2v-bert runs half as long.
    encode_own_clip_twice: bool = True


@dataclasses.dataclass(frozen=True)
class Config:
    """How to synthesise. `model` is None when a checkpoint says what the networks are; a model written here has
    no weights, so `random_seed` must then say how to draw them, and the result is noise.

    `checkpoint` is what run_inference.py loads where --checkpoint says nothing else; Python code names it itself."""

    model: ModelConfig | None = None
    random_seed: int | None = None
    checkpoint: str = ""
    text: TextConfig = TextConfig()
    decode: DecodeConfig = DecodeConfig()
    flow: FlowConfig = FlowConfig()
    emotion: EmotionConfig = EmotionConfig()
    precision: PrecisionConfig = dataclasses.field(default_factory=PrecisionConfig)
    duration: DurationConfig = dataclasses.field(default_factory=DurationConfig)
    redraw: RedrawConfig = dataclasses.field(default_factory=RedrawConfig)
    polish: PolishConfig = dataclasses.field(default_factory=PolishConfig)
    stream: StreamConfig = dataclasses.field(default_factory=StreamConfig)
    interval_silence_ms: int = 200
    segments_at_once: int = 1  # of one text; more is faster and takes more memory; the codes stay the same

    def __post_init__(self) -> None:
        check(self)


def check_model(model: ModelConfig) -> None:
    """Raises `ConfigError` where two networks do not fit together, or heads do not divide their width."""
    gpt, s2mel = model.gpt, model.s2mel
    for key, width, heads in (
        ("w2v_bert", model.w2v_bert.width, model.w2v_bert.heads),
        ("gpt", gpt.width, gpt.heads),
        ("gpt.speaker_conformer", gpt.speaker_conformer.width, gpt.speaker_conformer.heads),
        ("gpt.emotion_conformer", gpt.emotion_conformer.width, gpt.emotion_conformer.heads),
        ("s2mel", s2mel.width, s2mel.heads),
    ):
        _require(heads > 0 and width % heads == 0, f"model.{key}.heads", heads, f"a divisor of the width {width}")
    semantic = model.w2v_bert.width
    equal = {
        "semantic_codec.hidden_size": (model.semantic_codec.hidden_size, semantic),
        "gpt.speaker_conformer.input_dim": (gpt.speaker_conformer.input_dim, semantic),
        "gpt.emotion_conformer.input_dim": (gpt.emotion_conformer.input_dim, semantic),
        "gpt.speaker_perceiver.context_dim": (gpt.speaker_perceiver.context_dim, gpt.speaker_conformer.width),
        "gpt.emotion_perceiver.context_dim": (gpt.emotion_perceiver.context_dim, gpt.emotion_conformer.width),
        "gpt.speaker_perceiver.width": (gpt.speaker_perceiver.width, gpt.width),
        "s2mel.latent_dim": (s2mel.latent_dim, gpt.width),
        "s2mel.semantic_dim": (s2mel.semantic_dim, semantic),
        "s2mel.style_dim": (s2mel.style_dim, model.campplus.embedding_size),
        "emotion.style_dim": (model.emotion.style_dim, model.campplus.embedding_size),
        "emotion.width": (model.emotion.width, gpt.width),
        "bigvgan.mel_bins": (model.bigvgan.mel_bins, s2mel.mel_bins),
    }
    for key, (value, wanted) in equal.items():
        _require(value == wanted, f"model.{key}", value, f"{wanted}, as the network that feeds it")
    _require(gpt.start_mel_token < gpt.code_vocab, "model.gpt.start_mel_token", gpt.start_mel_token, "a code")
    _require(gpt.stop_mel_token < gpt.code_vocab, "model.gpt.stop_mel_token", gpt.stop_mel_token, "a code")
    if (qwen := model.qwen) is not None:
        grouped = qwen.key_heads > 0 and qwen.heads % qwen.key_heads == 0
        _require(grouped, "model.qwen.key_heads", qwen.key_heads, f"a divisor of the heads {qwen.heads}")
        even = qwen.head_dim > 0 and qwen.head_dim % 2 == 0
        _require(even, "model.qwen.head_dim", qwen.head_dim, "even, as its halves are rotated")
        stops = bool(qwen.stop_tokens) and all(0 <= token < qwen.vocab_size for token in qwen.stop_tokens)
        _require(stops, "model.qwen.stop_tokens", qwen.stop_tokens, f"tokens below {qwen.vocab_size}")


def check(config: Config) -> None:
    """Raises `ConfigError` for the first value out of range."""
    if config.model is not None:
        check_model(config.model)
        _require(not config.checkpoint, "checkpoint", config.checkpoint, "empty beside a model with random weights")
    text, decode, flow = config.text, config.decode, config.flow
    n = text.max_text_tokens_per_segment
    _require(2 <= n <= 600, "text.max_text_tokens_per_segment", n, "from 2 to 600")
    n = text.max_english_tokens_per_segment
    _require(n == 0 or 2 <= n <= 600, "text.max_english_tokens_per_segment", n, "from 2 to 600, or 0")
    pause = text.paragraph_pause_ms
    _require(0 <= pause <= 60_000, "text.paragraph_pause_ms", pause, "from 0 to 60000 milliseconds")
    _require(text.quick_streaming_tokens >= 0, "text.quick_streaming_tokens", text.quick_streaming_tokens, ">= 0")
    _require(1 <= decode.num_beams <= 16, "decode.num_beams", decode.num_beams, "from 1 to 16")
    _require(decode.top_k >= 0, "decode.top_k", decode.top_k, ">= 0 (0 switches it off)")
    _require(1e-6 <= decode.top_p <= 1.0, "decode.top_p", decode.top_p, "above 0 and at most 1")
    _require(0.01 <= decode.temperature <= 100.0, "decode.temperature", decode.temperature, "from 0.01 to 100")
    penalty = decode.repetition_penalty
    _require(0.1 <= penalty <= 1000.0, "decode.repetition_penalty", penalty, "from 0.1 to 1000 (1: none)")
    _require(abs(decode.length_penalty) <= 10.0, "decode.length_penalty", decode.length_penalty, "from -10 to 10")
    limit = config.model.gpt.max_mel_tokens if config.model else GptConfig.max_mel_tokens
    _require(
        1 <= decode.max_mel_tokens <= limit,
        "decode.max_mel_tokens",
        decode.max_mel_tokens,
        f"from 1 to {limit}",
    )
    _require(1 <= flow.steps <= 1000, "flow.steps", flow.steps, "from 1 to 1000")
    _require(0.0 <= flow.guidance <= 100.0, "flow.guidance", flow.guidance, "from 0 to 100")
    _require(0.0 <= flow.temperature <= 10.0, "flow.temperature", flow.temperature, "from 0 to 10")
    check_precision(config.precision)
    _require(1 <= config.segments_at_once <= 64, "segments_at_once", config.segments_at_once, "from 1 to 64")
    check_options(config.duration, config.redraw, config.polish, config.stream)
    silence = config.interval_silence_ms
    _require(0 <= silence <= 60_000, "interval_silence_ms", silence, "from 0 to 60000 milliseconds")


# --- plain dicts ----------------------------------------------------------------------------------------------


def to_dict(config: Any) -> Any:
    """Nested dataclasses -> nested dicts of JSON values (tuples become lists)."""
    if dataclasses.is_dataclass(config):
        return {field.name: to_dict(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, list | tuple):
        return [to_dict(item) for item in config]
    return config


def from_dict(kind: type[T], data: Any, where: str = "") -> T:
    """Nested dicts -> the dataclass `kind`; missing keys take their defaults, unknown ones are errors."""
    return typing.cast(T, _build(kind, data, where))


def _build(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        return None if data is None else _build(options[0], data, where)
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise ConfigError(f"{where} is {data!r}, but it must be a list.")
        return tuple(_build(typing.get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if dataclasses.is_dataclass(kind):
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where or 'the configuration'} is {data!r}, but it must be a group of keys.")
        fields = typing.get_type_hints(kind)
        prefix = f"{where}." if where else ""
        unknown = sorted(set(data) - set(fields))
        if unknown:
            raise ConfigError(f"Unknown configuration key {prefix}{unknown[0]}; known: {', '.join(fields)}.")
        return kind(**{name: _build(fields[name], data[name], prefix + name) for name in data})  # type: ignore[operator]
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise ConfigError(f"{where} is {data!r}, but it must be {'an' if kind is int else 'a'} {kind.__name__}.")
    return data


SETTINGS = ("text", "decode", "flow", "emotion", "redraw", "polish", "interval_silence_ms")
"""The keys of `Config` that any model has: what an artefact may hold as its defaults."""


def settings(config: Config) -> dict[str, Any]:
    """The `SETTINGS` of a configuration as nested dicts."""
    return {name: to_dict(getattr(config, name)) for name in SETTINGS}


def check_fits(config: Config, model: ModelConfig) -> None:
    """Raises `ConfigError` where a limit of `config` is above what `model` can do."""
    for key, value, most in (
        ("decode.max_mel_tokens", config.decode.max_mel_tokens, model.gpt.max_mel_tokens),
        ("text.max_text_tokens_per_segment", config.text.max_text_tokens_per_segment, model.gpt.max_text_tokens),
        ("text.max_english_tokens_per_segment", config.text.max_english_tokens_per_segment, model.gpt.max_text_tokens),
    ):
        _require(value <= most, key, value, f"at most {most}, which is what the model was made for")


def replace(config: Config, **updates: Any) -> Config:
    """`replace(config, decode={"num_beams": 1}, flow={"steps": 10})`: a copy with some keys changed, checked."""
    merged = to_dict(config)
    for key, value in updates.items():
        merged[key] = (
            {**merged[key], **value} if isinstance(value, Mapping) and isinstance(merged.get(key), dict) else value
        )
    return from_dict(Config, merged)
