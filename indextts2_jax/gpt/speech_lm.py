"""The speech language model: conditioning rows and text in, semantic codes out.

    conds [B P D] | [start] text [stop] ──► prefix ──► prefill ──► step, step, ... (gpt/decode.py chooses the codes)
    conds [B P D] | [start] text [stop] | [start] codes ──► __call__ ──► latents [B T D]

Source: `UnifiedVoice` and `GPT2InferenceModel` in indextts/gpt/model_v2.py. Two rules of it look like slips and are
kept, since the weights are used with them: while generating, the code after the start token gets position 2, not 1
(row 1 is never read), and the text ids 0 and 1 are removed; the second pass (`__call__`) does neither.

A model of several languages adds the embedding of one to every row of a text, start and stop included; the token that a
text begins with says which (`config.LanguagesConfig`).
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Int, Lengths
from indextts2_jax.config import GptConfig, LanguagesConfig
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.transformer import Transformer
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.nn.packed_weights import Linear

Dtype = Any
FIRST_CODE_POSITION = 2  # upstream: attention_mask.shape[1] - prefix length, one past the contiguous position


def first_position(contiguous: bool) -> int:
    """That of the first code behind the start token, whose own is 0."""
    return 1 if contiguous else FIRST_CODE_POSITION


class PrefixCache(NamedTuple):
    """What all beams of a request attend to: conditioning, text and the start token, once per request."""

    layers: tuple[KVCache, ...]
    valid: Bool[Array, "B P"]


def without_markers(
    config: GptConfig, ids: Int[Array, "B L"], lengths: Lengths, keep_marks: bool = False
) -> tuple[Int[Array, "B L"], Lengths]:
    """Removes every stop id and, but for `keep_marks`, every start id from inside the text; the rest moves up and keeps
    its order."""
    keep = length_mask(lengths, ids.shape[1]) & (ids != config.stop_text_token)
    if not keep_marks:
        keep &= ids != config.start_text_token
    order = jnp.argsort(~keep, axis=1, stable=True)
    return jnp.take_along_axis(ids, order, axis=1), jnp.sum(keep, axis=1, dtype=lengths.dtype)


def language_of(config: LanguagesConfig, first: Int[Array, " B"]) -> Int[Array, " B"]:
    """The language row of texts that begin with the tokens `first`."""
    row = first - config.first_token
    return jnp.where((row >= 0) & (row < config.tokens), row, config.common)


class SpeechLM(nn.Module):
    config: GptConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    recompute: bool = False  # for training; see `Transformer`

    def setup(self) -> None:
        config = self.config
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        table = {"features": config.width, "embedding_init": nn.initializers.normal(0.02), **types}
        self.text_embedding = nn.Embed(config.text_vocab + 1, **table)
        self.text_position = nn.Embed(config.max_text_tokens + 2, **table)
        self.code_embedding = nn.Embed(config.code_vocab, **table)
        self.code_position = nn.Embed(config.max_mel_tokens + 3, **table)
        if config.languages:
            self.language_embedding = nn.Embed(config.languages.rows, **table)
        self.transformer = Transformer(config, recompute=self.recompute, **types)
        self.code_head = Linear(config.code_vocab, **types)

    def __call__(
        self,
        conds: Float[Array, "B P D"],
        text_ids: Int[Array, "B L"],
        text_lengths: Lengths,
        codes: Int[Array, "B T"],
        code_lengths: Lengths,
    ) -> Float[Array, "B T D"]:
        """The second pass: row k is the state that predicts code k, seen from all codes before it.

        Args:
          conds: conditioning rows, emotion added (34 of them for IndexTTS-2).
          text_ids: one segment without start and stop; ids 0 and 1 inside it are kept here.
          codes: generated codes without the stop token (with it, one row more is the state that predicts it).
        Returns:
          Latents; rows behind `code_lengths` are zero.
        """
        hidden = self.hidden_states(conds, text_ids, text_lengths, codes, code_lengths)
        latents = zero_padding(hidden[:, -codes.shape[1] :], length_mask(code_lengths, codes.shape[1]))
        if self.is_initializing():
            self.logits(latents)  # so that its parameters exist
        return latents

    def log_likelihood(
        self,
        conds: Float[Array, "B P D"],
        text_ids: Int[Array, "B L"],
        text_lengths: Lengths,
        codes: Int[Array, "B T"],
        code_lengths: Lengths,
        contiguous: bool = False,
    ) -> Float[Array, "B T"]:
        """The log probability (nats) of every code, given all before it, as generation would choose it; 0 behind them.

        Args:
          text_ids: one segment without the ids that generation does not read.
          codes: with the stop token, where that is to be judged too.
          contiguous: as generation counted positions (`DecodeConfig.contiguous_positions`).
        """
        offset = first_position(contiguous) - 1
        hidden = self.hidden_states(conds, text_ids, text_lengths, codes, code_lengths, offset)
        scores = nn.log_softmax(self.logits(hidden[:, -codes.shape[1] :]))
        chosen = jnp.take_along_axis(scores, codes[..., None], axis=-1)[..., 0]
        return zero_padding(chosen[..., None], length_mask(code_lengths, codes.shape[1]))[..., 0]

    def hidden_states(
        self,
        conds: Float[Array, "B P D"],
        text_ids: Int[Array, "B L"],
        text_lengths: Lengths,
        codes: Int[Array, "B T"],
        code_lengths: Lengths,
        code_offset: Int[Array, ""] | int = 0,
    ) -> Float[Array, "B P+L+2+T D"]:
        """The states of conditioning, [start] text [stop] and codes, as `__call__` lays them out.

        Args:
          code_offset: added to the position of every code but the start token; generation counts with an offset of 1.
        """
        text = self._text_rows(text_ids, text_lengths)
        before = jnp.pad(codes[:, :-1], ((0, 0), (1, 0)), constant_values=self.config.start_mel_token)
        rows = self.code_embedding(before) + self._positions(self.code_position, codes.shape[1], code_offset)
        # The padding of the text stays in the middle, masked: no position depends on it, so this equals moving the
        # codes up. Upstream also appends the last code and the stop token, which no row that is kept can see.
        sequence = jnp.concatenate([conds.astype(self.dtype), text, rows], axis=1)
        code_mask = length_mask(code_lengths, codes.shape[1])
        valid = jnp.concatenate([self._prefix_mask(conds, text, text_lengths + 2), code_mask], axis=1)
        return self.transformer(sequence, valid)[0]

    def logits(self, hidden: Float[Array, "... D"]) -> Float[Array, "... V"]:
        """Scores of the next code, in float32."""
        return self.code_head(hidden).astype(jnp.float32)

    def prefix(
        self,
        conds: Float[Array, "B P D"],
        text_ids: Int[Array, "B L"],
        text_lengths: Lengths,
        keep_marks: bool = False,
    ) -> tuple[Float[Array, "B P+L+2 D"], Lengths]:
        """Embeddings that come before the start token: conds, then [start] + ids without 0 and 1 + [stop].

        `keep_marks` leaves the ids 0 where they are (`DecodeConfig.keep_marks`).

        Upstream puts a zero row on the far left for every id removed and masks it. Leaving it out is exact: a masked
        row has attention weight 0, and neither the text positions nor the code positions (which are counted from
        the end of the prefix) move.

        Returns:
          Embeddings, and how many of them are valid.
        """
        ids, lengths = without_markers(self.config, text_ids, text_lengths, keep_marks)
        text = self._text_rows(ids, lengths)
        return jnp.concatenate([conds.astype(self.dtype), text], axis=1), conds.shape[1] + lengths + 2

    def prefill(
        self, prefix: Float[Array, "B P D"], prefix_lengths: Lengths
    ) -> tuple[PrefixCache, Float[Array, "B V"]]:
        """Reads the prefix and the start token; returns their memory and the scores of the first code."""
        batch = prefix.shape[0]
        start = self.code_embedding(jnp.array(self.config.start_mel_token)) + self.code_position(jnp.array(0))
        # The prefix is a concatenation too, and XLA of jax 0.10.2 and 0.11.0 fuses nested ones wrongly on a GPU
        # (jax#40588): the barrier keeps them apart.
        prefix = jax.lax.optimization_barrier(prefix)
        sequence = jnp.concatenate([prefix, jnp.broadcast_to(start, (batch, 1, start.shape[-1]))], axis=1)
        valid = jnp.pad(length_mask(prefix_lengths, prefix.shape[1]), ((0, 0), (0, 1)), constant_values=True)
        hidden, layers = self.transformer(sequence, valid)
        return PrefixCache(layers, valid), self.logits(hidden[:, -1])

    def step(
        self,
        codes: Int[Array, "B W"],
        index: Int[Array, "*B"],
        prefix: PrefixCache,
        generated: tuple[KVCache, ...],
        visible: Bool[Array, "B W S"],
        slot: Int[Array, "*B"],
        in_kernels: bool = False,
        contiguous: bool = False,
    ) -> tuple[Float[Array, "B W V"], tuple[KVCache, ...]]:
        """Reads code number `index` (from 0) of every beam; returns the scores of the next one.

        Args:
          index, slot: for all requests, or for each.
          generated: memory of S slots.
          visible: the slots that hold each beam's own history, this step's included.
          slot: the first of the W slots that the beams write.
          in_kernels: for one GPU, see `gpt.kernels`.
          contiguous: no position is left out behind the start token's.
        """
        position = self.code_position(index + first_position(contiguous))
        x = self.code_embedding(codes) + (position[:, None] if index.ndim else position[None, None])
        shared = jnp.broadcast_to(prefix.valid[:, None], (*codes.shape, prefix.valid.shape[1]))
        seen = jnp.concatenate([shared, visible], axis=-1)
        hidden, generated = self.transformer.step(x, prefix.layers, generated, slot, seen, in_kernels)
        return self.logits(hidden), generated

    def _positions(self, table: nn.Embed, size: int, offset: Int[Array, ""] | int = 0) -> Float[Array, "1 {size} D"]:
        """Rows 0, 1 + offset .. size-1 + offset; padding beyond the table repeats its last row, for an absent one would
        be NaN."""
        index = jnp.arange(size)
        return table(jnp.minimum(jnp.where(index > 0, index + offset, 0), table.num_embeddings - 1))[None]

    def _text_rows(self, ids: Int[Array, "B L"], lengths: Lengths) -> Float[Array, "B L+2 D"]:
        """[start] + ids + [stop] with positions from 0; padding behind is the stop token too."""
        config = self.config
        body = jnp.where(length_mask(lengths, ids.shape[1]), ids, config.stop_text_token)
        body = jnp.pad(body, ((0, 0), (1, 0)), constant_values=config.start_text_token)
        body = jnp.pad(body, ((0, 0), (0, 1)), constant_values=config.stop_text_token)
        rows = self.text_embedding(body) + self._positions(self.text_position, body.shape[1])
        if config.languages is None:
            return rows
        return rows + self.language_embedding(language_of(config.languages, ids[:, 0]))[:, None]

    @staticmethod
    def _prefix_mask(
        conds: Float[Array, "B P D"], text: Float[Array, "B L D"], lengths: Lengths
    ) -> Bool[Array, "B P+L"]:
        return jnp.pad(length_mask(lengths, text.shape[1]), ((0, 0), (conds.shape[1], 0)), constant_values=True)
