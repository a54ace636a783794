"""What the networks look like: frozen dataclasses, one a network, nested in `ModelConfig`.

A `ModelConfig` is stored in the artefact, and nothing at run time can change it. Every default is the published
IndexTTS-2 value. IndexTTS-2.5 differs in the parts that a model has, and only here: whoever needs to know looks at the
part, not for a version.
"""

import dataclasses

from indextts2_jax.errors import require as _require

SAMPLING_RATE = 22_050
"""Hz, of all speech and of the mel."""

SEMANTIC_RATE = 50
"""Semantic features a second."""


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
    """RepCodec (indextts/codec/maskgct_codec.py, models.py): quantiser and codebook, and the halves that a model has.

    The encoder makes codes of features. Where there is a decoder, codes become features again, and those are what the
    mel is made of; without, their embeddings are.
    """

    hidden_size: int = 1024
    codebook_size: int = 8192
    codebook_dim: int = 8
    vocos_dim: int = 384
    vocos_intermediate_dim: int = 2048
    vocos_layers: int = 12
    encoder: bool = True
    decoder: bool = False
    frames_per_code: int = 1  # 2: halved by a convolution before the encoder, doubled behind the decoder


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
class LanguagesConfig:
    """The embeddings of languages, one of which is added to every row of a text, and the tokens that say which.

    A text that begins with token `first_token` + k, k below `tokens`, has row k; any other has row `common`.
    """

    rows: int = 107
    tokens: int = 99
    first_token: int = 58838
    common: int = 105


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
    speaker_conformer: ConformerConfig | None = ConformerConfig()
    speaker_perceiver: PerceiverConfig | None = PerceiverConfig()  # both or neither
    style_dim: int = 0  # without them: the width of the style, of which one linear layer makes the speaker's row
    languages: LanguagesConfig | None = None
    emotion_conformer: ConformerConfig = ConformerConfig(ffn_dim=1024, heads=4, blocks=4)
    emotion_perceiver: PerceiverConfig = PerceiverConfig(width=1024, latents=1, heads=4)

    @property
    def speaker_rows(self) -> int:
        """Rows that say who speaks."""
        return self.speaker_perceiver.latents if self.speaker_perceiver else 1

    @property
    def condition_rows(self) -> int:
        """Rows that the decoder reads before the text: the speaker's, and two behind them."""
        return self.speaker_rows + 2


@dataclasses.dataclass(frozen=True)
class S2MelConfig:
    """Latent projection, length regulator and the DiT + WaveNet velocity network (indextts/s2mel/modules)."""

    latent_dim: int = 1280  # of the decoder's, which are added to the codes' embeddings; 0: nothing is added
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

    @property
    def codes_per_second(self) -> float:
        """50 of IndexTTS-2, 25 of IndexTTS-2.5."""
        return SEMANTIC_RATE / self.semantic_codec.frames_per_code

    @property
    def name(self) -> str:
        """What a user calls a model of these parts; for messages only."""
        return "IndexTTS-2.5" if self.semantic_codec.decoder else "IndexTTS-2"


# --- stages ---------------------------------------------------------------------------------------------------


def check_model(model: ModelConfig) -> None:
    """Raises `ConfigError` for sizes that no network has, and where two networks do not fit together."""
    _check_sizes("model", model)
    gpt, s2mel, codec = model.gpt, model.s2mel, model.semantic_codec
    conformer, perceiver = gpt.speaker_conformer, gpt.speaker_perceiver
    for key, width, heads in (
        ("w2v_bert", model.w2v_bert.width, model.w2v_bert.heads),
        ("gpt", gpt.width, gpt.heads),
        *([("gpt.speaker_conformer", conformer.width, conformer.heads)] if conformer else []),
        ("gpt.emotion_conformer", gpt.emotion_conformer.width, gpt.emotion_conformer.heads),
        ("s2mel", s2mel.width, s2mel.heads),
    ):
        _require(heads > 0 and width % heads == 0, f"model.{key}.heads", heads, f"a divisor of the width {width}")
    both = (conformer is None) == (perceiver is None)
    _require(both, "model.gpt.speaker_perceiver", perceiver, "there where the conformer is, and only there")
    semantic = model.w2v_bert.width
    equal = {
        "semantic_codec.hidden_size": (codec.hidden_size, semantic),
        "gpt.emotion_conformer.input_dim": (gpt.emotion_conformer.input_dim, semantic),
        "gpt.emotion_perceiver.context_dim": (gpt.emotion_perceiver.context_dim, gpt.emotion_conformer.width),
        "gpt.style_dim": (gpt.style_dim, 0 if perceiver else model.campplus.embedding_size),
        "s2mel.latent_dim": (s2mel.latent_dim, 0 if codec.decoder else gpt.width),
        "s2mel.semantic_dim": (s2mel.semantic_dim, semantic),
        "s2mel.style_dim": (s2mel.style_dim, model.campplus.embedding_size),
        "emotion.style_dim": (model.emotion.style_dim, model.campplus.embedding_size),
        "emotion.width": (model.emotion.width, gpt.width),
        "bigvgan.mel_bins": (model.bigvgan.mel_bins, s2mel.mel_bins),
    }
    if conformer and perceiver:
        equal |= {
            "gpt.speaker_conformer.input_dim": (conformer.input_dim, semantic),
            "gpt.speaker_perceiver.context_dim": (perceiver.context_dim, conformer.width),
            "gpt.speaker_perceiver.width": (perceiver.width, gpt.width),
        }
    for key, (value, wanted) in equal.items():
        _require(value == wanted, f"model.{key}", value, f"{wanted}, as the network that feeds it")
    _require(codec.encoder or codec.decoder, "model.semantic_codec.encoder", codec.encoder, "true without a decoder")
    frames = codec.frames_per_code
    _require(frames == 1 or (frames == 2 and codec.decoder), "model.semantic_codec.frames_per_code", frames, "1 or 2")
    if (languages := gpt.languages) is not None:
        fits = 0 <= languages.tokens <= languages.rows and 0 <= languages.common < languages.rows
        _require(fits, "model.gpt.languages", languages, "rows for every token, and one that is common")
    _require(gpt.start_mel_token < gpt.code_vocab, "model.gpt.start_mel_token", gpt.start_mel_token, "a code")
    _require(gpt.stop_mel_token < gpt.code_vocab, "model.gpt.stop_mel_token", gpt.stop_mel_token, "a code")
    if (qwen := model.qwen) is not None:
        grouped = qwen.key_heads > 0 and qwen.heads % qwen.key_heads == 0
        _require(grouped, "model.qwen.key_heads", qwen.key_heads, f"a divisor of the heads {qwen.heads}")
        even = qwen.head_dim > 0 and qwen.head_dim % 2 == 0
        _require(even, "model.qwen.head_dim", qwen.head_dim, "even, as its halves are rotated")
        stops = bool(qwen.stop_tokens) and all(0 <= token < qwen.vocab_size for token in qwen.stop_tokens)
        _require(stops, "model.qwen.stop_tokens", qwen.stop_tokens, f"tokens below {qwen.vocab_size}")


MAX_SIZE = 1_000_000
"""Of anything that is counted in a network."""


def _check_sizes(key: str, value: object) -> None:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _check_sizes(f"{key}.{field.name}", getattr(value, field.name))
    elif isinstance(value, tuple):
        _require(len(value) > 0, key, value, "some numbers")
        for item in value:
            _check_sizes(key, item)
    elif isinstance(value, int) and not isinstance(value, bool):
        least = 0 if key.endswith(("_token", "_tokens", "_positions", ".style_dim", ".latent_dim", ".common")) else 1
        _require(least <= value <= MAX_SIZE, key, value, f"from {least} to {MAX_SIZE}")
