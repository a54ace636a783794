"""What the speech language model knows of the voice and the emotion: w2v-bert features -> decoder conditions.

    speaker clip [B T 1024] ─┬─ SpeakerEncoder (conformer, perceiver) ──────────► speaker latents [B 32 D] ─┐
                             └─ EmotionEncoder (conformer, perceiver, linears) ─► base     [B D]            │
    emotion clip [B T 1024] ─── EmotionEncoder ──────────────────────────────────► emotion  [B D]            │
                        emotion.blend(base, emotion), emotion.mix_matrix ───────► emotion vector [B D] ─────┤
    decoder conditions [B 34 D] = [ latents + emotion vector | speed row 1 | speed row 0 ] ◄────────────────┘

    style [B 192] ── linear ──► speaker row [B 1 D], where there is no SpeakerEncoder
    decoder conditions [B 3 D] = [ speaker row + emotion vector | 0 | 0 ]

Source: indextts/gpt/model_v2.py (get_conditioning, get_emovec, inference_speech). The two encoders share nothing.
"""

import flax.linen as nn
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Float, Lengths
from indextts2_jax.config import ConformerConfig, GptConfig, PerceiverConfig
from indextts2_jax.gpt.conformer import Conformer
from indextts2_jax.gpt.perceiver import Perceiver
from indextts2_jax.nn.layers import Dtype


class SpeakerEncoder(nn.Module):
    """`(semantic [B T 1024], lengths [B]) -> [B 32 D]`."""

    conformer: ConformerConfig
    perceiver: PerceiverConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, semantic: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B Q D"]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h, lengths = Conformer(self.conformer, name="conformer", **types)(semantic, lengths)
        return Perceiver(self.perceiver, name="perceiver", **types)(h, lengths)


class EmotionEncoder(nn.Module):
    """`(semantic [B T 1024], lengths [B]) -> [B D]`: the one perceiver latent through two linear layers.

    Nothing stands between the two layers; they are kept apart because they are published apart.
    """

    config: GptConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, semantic: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B D"]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h, lengths = Conformer(self.config.emotion_conformer, name="conformer", **types)(semantic, lengths)
        h = Perceiver(self.config.emotion_perceiver, name="perceiver", **types)(h, lengths)[:, 0]
        h = nn.Dense(self.config.width, name="project_in", **types)(h)
        return nn.Dense(self.config.width, name="project_out", **types)(h)


class Conditioning(nn.Module):
    """The speaker's rows, the emotion encoder and the two rows behind them, each reached through its own method.

    Calling the module itself is the plain case: one clip gives voice and emotion.
    """

    config: GptConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    def setup(self) -> None:
        config, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        if config.speaker_conformer and config.speaker_perceiver:
            self.speaker_encoder = SpeakerEncoder(config.speaker_conformer, config.speaker_perceiver, **types)
            shape = (2, config.width)
            self.speed_embedding = self.param("speed_embedding", nn.initializers.zeros, shape, self.param_dtype)
        else:
            self.speaker_projection = nn.Dense(config.width, **types)
        self.emotion_encoder = EmotionEncoder(config, **types)

    def __call__(self, semantic: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B P D"]:
        """Decoder conditions of a clip that speaks for voice and emotion alike; of one whose style is all zeros, where
        the style says who speaks."""
        if self.config.speaker_perceiver:
            speaker = self.speaker_latents(semantic, lengths)
        else:
            speaker = self.speaker_row(jnp.zeros((semantic.shape[0], self.config.style_dim), semantic.dtype))
        return self.decoder_conditions(speaker, self.emotion_vector(semantic, lengths))

    def speaker_latents(self, semantic: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B Q D"]:
        """The voice of a clip, without any emotion vector; both passes of the language model start from it."""
        return self.speaker_encoder(semantic, lengths)

    def speaker_row(self, style: Float[Array, "B style"]) -> Float[Array, "B 1 D"]:
        """The same of a clip's style, where there is no speaker encoder."""
        return self.speaker_projection(style)[:, None]

    def emotion_vector(self, semantic: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B D"]:
        """The emotion of a clip, yet unblended."""
        return self.emotion_encoder(semantic, lengths)

    def decoder_conditions(
        self, speaker_latents: Float[Array, "B Q D"], emotion_vector: Float[Array, "B D"]
    ) -> Float[Array, "B Q+2 D"]:
        """The first positions of the decoder. Of the speed rows, row 1 comes before row 0; a model without them has two
        rows of zeros, which are attended to like any other."""
        batch, _, width = speaker_latents.shape
        if self.config.speaker_perceiver:
            behind = jnp.broadcast_to(self.speed_embedding[::-1].astype(self.dtype), (batch, 2, width))
        else:
            behind = jnp.zeros((batch, 2, width), speaker_latents.dtype)
        return jnp.concatenate([speaker_latents + emotion_vector[:, None], behind], axis=1)
