"""From the published configuration files to `ModelConfig`.

Every setting that changes what is computed is either a size, taken over, or one of the choices that this project
implements; any other choice is an error. Settings of training and of other programs are passed over.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

from indextts2_jax.config import (
    BigVganConfig,
    CampplusConfig,
    ConformerConfig,
    EmotionMatrixConfig,
    GptConfig,
    LanguagesConfig,
    ModelConfig,
    PerceiverConfig,
    S2MelConfig,
    SemanticCodecConfig,
    W2vBertConfig,
    check_model,
)
from indextts2_jax.errors import CheckpointError, ConfigError

from .small_files import shown
from .vocabulary import FIRST_LANGUAGE, SPECIALS

YAML_CHOICES: dict[str, tuple[Any, ...]] = {
    "gpt.condition_type": ("conformer_perceiver",),
    "gpt.emo_condition_module.input_layer": ("conv2d2",),
    "gpt.use_mel_codes_as_input": (True,),
    "gpt.train_solo_embeddings": (False,),
    "gpt.max_conditioning_inputs": (1,),
    "gpt.types": (1,),
    "semantic_codec.num_quantizers": (1,),
    "s2mel.dit_type": ("DiT",),
    "s2mel.preprocess_params.sr": (22050,),
    "s2mel.preprocess_params.spect_params.n_fft": (1024,),
    "s2mel.preprocess_params.spect_params.win_length": (1024,),
    "s2mel.preprocess_params.spect_params.hop_length": (256,),
    "s2mel.preprocess_params.spect_params.fmin": (0,),
    "s2mel.preprocess_params.spect_params.fmax": ("None",),  # anything else means 8000 Hz to the official program
    "s2mel.length_regulator.is_discrete": (False,),
    "s2mel.length_regulator.vector_quantize": (False,),
    "s2mel.length_regulator.n_codebooks": (1,),
    "s2mel.length_regulator.f0_condition": (False,),
    "s2mel.DiT.style_condition": (True,),
    "s2mel.DiT.final_layer_type": ("wavenet",),
    "s2mel.DiT.f0_condition": (False,),
    "s2mel.DiT.is_causal": (False,),
    "s2mel.DiT.long_skip_connection": (True,),
    "s2mel.DiT.uvit_skip_connection": (True,),
    "s2mel.DiT.zero_prompt_speech_token": (False,),
    "s2mel.DiT.time_as_token": (False,),
    "s2mel.DiT.style_as_token": (False,),
    "s2mel.DiT.add_resblock_in_transformer": (False,),
    "s2mel.wavenet.dilation_rate": (1,),
    "s2mel.wavenet.style_condition": (True,),
    "vocoder.type": ("bigvgan",),
}
CHOICES_OF: dict[str, dict[str, tuple[Any, ...]]] = {
    "2": {
        "gpt.condition_module.input_layer": ("conv2d2",),
        "gpt.condition_num_latent": (PerceiverConfig.latents,),
        "semantic_codec.downsample_scale": (1, None),
    },
    "2.5": {"semantic_codec.downsample_scale": (2,)},  # absent: 2
}
"""By the version of IndexTTS; 2.5 has a `condition_module` too, and does not use it."""
W2V_BERT_CHOICES: dict[str, tuple[Any, ...]] = {
    "model_type": ("wav2vec2-bert",),
    "hidden_act": ("swish", "silu"),
    "position_embeddings_type": ("relative_key",),
    "layer_norm_eps": (1e-5,),
    "add_adapter": (False,),
}
BIGVGAN_CHOICES: dict[str, tuple[Any, ...]] = {
    "resblock": ("1", 1),
    "activation": ("snakebeta",),
    "snake_logscale": (True,),
    "use_tanh_at_final": (False,),
    "use_bias_at_final": (False,),
    "sampling_rate": (22050,),
    "n_fft": (1024,),
    "win_size": (1024,),
    "hop_size": (256,),
    "fmin": (0,),
    "fmax": (None,),
}

EMOTIONS = len(EmotionMatrixConfig.rows)

NEEDED = {
    "gpt.condition_type",
    "s2mel.DiT.uvit_skip_connection",
    "resblock",
    "activation",
    "snake_logscale",
    "use_tanh_at_final",
    "use_bias_at_final",
}
"""Settings whose absence means another choice to the official program."""


def derive_model(
    yaml: "Settings", w2v_bert: "Settings", bigvgan: "Settings", version: str = "2", with_encoder: bool = False
) -> ModelConfig:
    """The parts of a model and the sizes of all networks.

    Args:
      version: of IndexTTS, a key of `versions.HOMES`.
      with_encoder: whether a codec that decodes keeps its encoder too, which only training uses.
    Raises:
      CheckpointError: every setting that is missing, not a size, contradicts another, or asks for something that is
        not implemented.
    """
    later = version == "2.5"
    own = {**YAML_CHOICES, **CHOICES_OF[version]}
    for settings, choices in ((yaml, own), (w2v_bert, W2V_BERT_CHOICES), (bigvgan, BIGVGAN_CHOICES)):
        for key, allowed in choices.items():
            settings.expect(key, *allowed)
    model = ModelConfig(
        w2v_bert=_w2v_bert(w2v_bert),
        semantic_codec=SemanticCodecConfig(
            hidden_size=yaml.size("semantic_codec.hidden_size"),
            codebook_size=yaml.size("semantic_codec.codebook_size"),
            codebook_dim=yaml.size("semantic_codec.codebook_dim"),
            vocos_dim=yaml.size("semantic_codec.vocos_dim"),
            vocos_intermediate_dim=yaml.size("semantic_codec.vocos_intermediate_dim"),
            vocos_layers=yaml.count("semantic_codec.vocos_num_layers"),
            encoder=with_encoder or not later,
            decoder=later,
            frames_per_code=2 if later else 1,
        ),
        campplus=CampplusConfig(embedding_size=yaml.size("s2mel.style_encoder.dim")),
        gpt=_gpt(yaml, later),
        s2mel=_s2mel(yaml, later),
        bigvgan=_bigvgan(bigvgan),
        emotion=EmotionMatrixConfig(
            rows=yaml.sizes("emo_num"),
            style_dim=yaml.size("s2mel.style_encoder.dim"),
            width=yaml.size("gpt.model_dim"),
        ),
        text_frontend="tiktoken" if later else "bpe",
    )
    semantic = model.w2v_bert.width
    yaml.expect("semantic_codec.hidden_size", semantic)
    yaml.expect("s2mel.length_regulator.in_channels", semantic)
    yaml.expect("s2mel.preprocess_params.spect_params.n_mels", model.s2mel.mel_bins)
    if len(model.emotion.rows) not in (0, EMOTIONS):
        yaml.problems.append(
            f"{yaml.path.name}: emo_num has {len(model.emotion.rows)} entries, it must have {EMOTIONS}"
        )
    for key in ("s2mel.DiT.content_dim", "s2mel.wavenet.hidden_dim", "s2mel.length_regulator.channels"):
        yaml.expect(key, model.s2mel.width)
    bigvgan.expect("num_mels", model.s2mel.mel_bins)
    problems = [*yaml.problems, *w2v_bert.problems, *bigvgan.problems]
    if problems:
        raise CheckpointError(f"The published configuration cannot be converted: {'; '.join(problems)}.")
    try:
        check_model(model)
    except ConfigError as error:
        raise CheckpointError(f"The published configuration makes no sense: {error}") from None
    return model


def _w2v_bert(config: "Settings") -> W2vBertConfig:
    kept = W2vBertConfig.layers
    if config.size("num_hidden_layers", 24) < kept:
        config.problems.append(f"{config.path.name}: num_hidden_layers must be at least {kept}")
    return W2vBertConfig(
        input_dim=config.size("feature_projection_input_dim", 160),
        width=config.size("hidden_size", 1024),
        heads=config.size("num_attention_heads", 16),
        ffn_dim=config.size("intermediate_size", 4096),
        conv_kernel=config.size("conv_depthwise_kernel_size", 31),
        left_positions=config.size("left_max_position_embeddings", 64),
        right_positions=config.size("right_max_position_embeddings", 8),
    )


def _gpt(config: "Settings", by_style: bool) -> GptConfig:
    """The speaker is told by the style, and a language embedded, or neither."""

    def conformer(group: str) -> ConformerConfig:
        return ConformerConfig(
            width=config.size(f"{group}.output_size"),
            ffn_dim=config.size(f"{group}.linear_units"),
            heads=config.size(f"{group}.attention_heads"),
            blocks=config.count(f"{group}.num_blocks"),
        )

    def perceiver(group: str, width: int, latents: int) -> PerceiverConfig:
        return PerceiverConfig(
            width=width,
            context_dim=config.size(f"{group}.output_size"),
            latents=latents,
            heads=config.size(f"{group}.attention_heads"),
            ffn_mult=config.size(f"{group}.perceiver_mult"),
        )

    width = config.size("gpt.model_dim")
    speaker, emotion = "gpt.condition_module", "gpt.emo_condition_module"
    # the official program hard-codes the latents, the emotion perceiver's width and the languages
    vocabulary, seen = config.size("gpt.number_text_tokens"), PerceiverConfig.latents
    emotion_perceiver = GptConfig().emotion_perceiver
    first_language = max(0, vocabulary - SPECIALS + FIRST_LANGUAGE)
    return GptConfig(
        width=width,
        layers=config.count("gpt.layers"),
        heads=config.size("gpt.heads"),
        text_vocab=vocabulary,
        code_vocab=config.size("gpt.number_mel_codes"),
        max_text_tokens=config.size("gpt.max_text_tokens"),
        max_mel_tokens=config.size("gpt.max_mel_tokens"),
        start_text_token=config.size("gpt.start_text_token", smallest=0),
        stop_text_token=config.size("gpt.stop_text_token", smallest=0),
        start_mel_token=config.size("gpt.start_mel_token", smallest=0),
        stop_mel_token=config.size("gpt.stop_mel_token", smallest=0),
        speaker_conformer=None if by_style else conformer(speaker),
        speaker_perceiver=None if by_style else perceiver(speaker, width, seen),
        style_dim=config.size("s2mel.style_encoder.dim") if by_style else 0,
        languages=LanguagesConfig(first_token=first_language) if by_style else None,
        emotion_conformer=conformer(emotion),
        emotion_perceiver=perceiver(emotion, emotion_perceiver.width, emotion_perceiver.latents),
    )


def _s2mel(config: "Settings", of_codes_alone: bool) -> S2MelConfig:
    return S2MelConfig(
        latent_dim=0 if of_codes_alone else config.size("gpt.model_dim"),
        semantic_dim=config.size("s2mel.length_regulator.in_channels"),
        width=config.size("s2mel.DiT.hidden_dim"),
        heads=config.size("s2mel.DiT.num_heads"),
        depth=config.count("s2mel.DiT.depth"),
        mel_bins=config.size("s2mel.DiT.in_channels"),
        style_dim=config.size("s2mel.style_encoder.dim"),
        regulator_layers=len(config.sizes("s2mel.length_regulator.sampling_ratios")),
        wavenet_layers=config.count("s2mel.wavenet.num_layers"),
        wavenet_kernel=config.size("s2mel.wavenet.kernel_size"),
    )


def _bigvgan(config: "Settings") -> BigVganConfig:
    dilations = config.get("resblock_dilation_sizes")
    if not isinstance(dilations, list) or len(dilations) > _LONGEST_LIST:
        config.wrong("resblock_dilation_sizes", f"must be a list of lists, {_LONGEST_LIST} at most")
        dilations = []
    rates = config.sizes("upsample_rates")
    config.expect("hop_size", math.prod(rates))
    return BigVganConfig(
        mel_bins=config.size("num_mels"),
        upsample_rates=rates,
        upsample_kernels=config.sizes("upsample_kernel_sizes"),
        initial_channels=config.size("upsample_initial_channel"),
        resblock_kernels=config.sizes("resblock_kernel_sizes"),
        resblock_dilations=tuple(config.sizes(f"resblock_dilation_sizes.{i}") for i in range(len(dilations))),
    )


_MOST_LAYERS = 256
_LONGEST_LIST = 64

ABSENT = object()
"""The value of a setting that a file does not have."""


class Settings:
    """One configuration file, read by dotted keys (a number is an index); faults are gathered in `problems`."""

    def __init__(self, path: pathlib.Path, data: Mapping[str, Any]):
        self.path = path
        self.data = data
        self.problems: list[str] = []

    def get(self, key: str) -> Any:
        """The value, or `ABSENT`."""
        value: Any = self.data
        for part in key.split("."):
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                return ABSENT
        return value

    def size(self, key: str, default: int | None = None, smallest: int = 1) -> int:
        value = self.get(key)
        if value is ABSENT and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= 1_000_000:
            self.wrong(key, "must be a whole number that makes a size")
            return smallest
        return value

    def count(self, key: str) -> int:
        """A number of layers, each of which takes time before its weights are known to be missing."""
        value = self.size(key)
        if value > _MOST_LAYERS:
            self.wrong(key, f"must be at most {_MOST_LAYERS}")
            return 1
        return value

    def sizes(self, key: str) -> tuple[int, ...]:
        value = self.get(key)
        if not isinstance(value, list) or not 0 < len(value) <= _LONGEST_LIST:
            self.wrong(key, f"must be a list of whole numbers, {_LONGEST_LIST} at most")
            return ()
        return tuple(self.size(f"{key}.{index}") for index in range(len(value)))

    def number(self, key: str) -> float:
        """A positive number."""
        value = self.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e30:
            self.wrong(key, "must be a number above 0")
            return 1.0
        return float(value)

    def expect(self, key: str, *allowed: Any, needed: bool = False) -> None:
        """The value is one of those allowed, or absent where that means the same."""
        value = self.get(key)
        same = [choice for choice in allowed if value == choice and isinstance(value, bool) == isinstance(choice, bool)]
        if (needed or key in NEEDED) if value is ABSENT else not same:
            self.wrong(key, f"must be {' or '.join(repr(choice) for choice in allowed)}")

    def wrong(self, key: str, rule: str) -> None:
        value = self.get(key)
        found = "is missing" if value is ABSENT else f"is {shown(value)}"
        problem = f"{self.path.name}: {key} {found}, it {rule}"
        if problem not in self.problems:
            self.problems.append(problem)
