"""Text -> eight emotion weights.

text ─ prompt · tokenizers ─► ids [1 L] ─ greedy ─► answer ─ weights_of ─► weights [8]
"""

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.config import QwenConfig
from indextts2_jax.emotion_text.answer import weights_of
from indextts2_jax.emotion_text.greedy import generate
from indextts2_jax.emotion_text.question import check_available, check_text
from indextts2_jax.errors import CheckpointError, EmotionError
from indextts2_jax.nn.buckets import batch_of_one

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 2048
"""Of a prompt: its attention weights are as large as its length squared. Upstream sets no limit."""

MAX_ANSWER_TOKENS = 1024
"""Upstream waits for 32,768; an answer has about eighty."""

_THINK_END = "</think>"


class EmotionClassifier:
    """The published Qwen3 classifier. Its weights reach the device when it is first asked."""

    def __init__(self, params: Params, config: QwenConfig, tokenizer: bytes, dtype: str = "float32") -> None:
        """
        Args:
          params: of `qwen.Qwen`, as host arrays of any floating-point type.
          tokenizer: tokenizer.json of the published folder.
          dtype: what the weights become and the computation runs in.
        """
        self.config = config
        self._host_params = params
        self._tokenizer_json = tokenizer
        self._dtype = dtype

    @functools.cached_property
    def _params(self) -> Params:
        dtype = getattr(jnp, self._dtype)
        return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf).astype(dtype, copy=False)), self._host_params)

    @functools.cached_property
    def _tokenizer(self) -> "Tokenizer":
        check_available(self.config)
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_buffer(self._tokenizer_json)
        except Exception as error:  # the library raises Exception itself
            raise CheckpointError(f"The emotion classifier's tokenizer.json cannot be used: {error}.") from None
        if tokenizer.get_vocab_size() > self.config.vocab_size:
            raise CheckpointError(
                f"The emotion classifier's tokenizer has {tokenizer.get_vocab_size()} tokens, its network "
                f"{self.config.vocab_size}: they do not belong together; convert the checkpoint again."
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def __call__(self, text: str) -> tuple[float, ...]:
        """Eight weights from 0 to 1.2: happy, angry, sad, afraid, disgusted, melancholic, surprised, calm.

        Args:
          text: words about an emotion ("she is close to tears"), or that show it; of any language that Qwen reads.
        Raises:
          EmotionError: no text, too long a text, or an answer that makes no sense. CheckpointError: as
            `check_available`, or a tokenizer that does not fit.
        """
        return weights_of(self.answer(text), text)

    def prompt(self, text: str) -> str:
        """What the classifier is asked: the published chat template around the text."""
        return f"{self.config.before_text}{text}{self.config.after_text}"

    def answer(self, text: str) -> str:
        """The classifier's own words. Raises as a call does."""
        ids = self._tokenizer.encode(self.prompt(check_text(text))).ids
        if len(ids) > MAX_TOKENS:
            raise EmotionError(
                f"The emotion text makes a prompt of {len(ids)} tokens, at most {MAX_TOKENS} are read; describe the "
                "emotion in fewer words."
            )
        lengths = np.array([len(ids)], np.int32)
        found = generate(self._params, self.config, batch_of_one(np.array(ids, np.int32)), lengths, MAX_ANSWER_TOKENS)
        if not found.stopped[0]:
            raise EmotionError(
                f"The emotion classifier came to no end in {MAX_ANSWER_TOKENS} tokens; put the emotion in other words, "
                "or give its weights."
            )
        tokens = found.tokens[0, : found.lengths[0]].tolist()
        thought = self._tokenizer.token_to_id(_THINK_END)
        if thought in tokens:  # only what stands behind the last of them is the answer
            tokens = tokens[len(tokens) - tokens[::-1].index(thought) :]
        return self._tokenizer.decode(tokens, skip_special_tokens=True)
