"""A request that is ready to be spoken, and its segments with what is known of their words before that."""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from indextts2_jax.array_typing import Array, Key
from indextts2_jax.gpt.emotion import EmotionEmbedding
from indextts2_jax.pipeline.generation import Utterance
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.synthesis.request import CheckedRequest
from indextts2_jax.synthesis.words import WrittenText
from indextts2_jax.text.frontend import TextFrontend, configured
from indextts2_jax.text.frontend import words as words_of

LONGEST_NAME = 60
"""Characters of words that a message quotes."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """One segment of a text, ready to be spoken."""

    index: int
    tokens: list[str]
    expected_seconds: float
    """What its text should take, the pauses at its edges apart."""
    words: list[tuple[int, int]]
    """Its words as they are spoken: ranges [begin, end) of its tokens."""
    word_seconds: list[float]
    """What each of them should take."""
    written: WrittenText
    """The whole text as it was given."""
    utterance: Utterance

    def quoted(self, numbers: Iterable[int]) -> str:
        """Some of its words, as they were written: those that stand together as one, '"the old man" and "so"'."""
        owners = self.written.owners(self.index)
        own = sorted({int(owners[self.words[number][0]]) for number in numbers})
        runs = itertools.groupby(enumerate(own), key=lambda pair: pair[1] - pair[0])
        texts = [self.written.text([number for _, number in run]) for _, run in runs]
        return " and ".join(f'"{text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "…"}"' for text in texts)


@dataclasses.dataclass(frozen=True)
class EncodedRequest:
    """A checked request whose voice and emotion are encoded: all is ready to be spoken."""

    checked: CheckedRequest
    voice: ReferenceVoice
    emotion: EmotionEmbedding
    key: Key[Array, ""]
    warnings: tuple[str, ...] = ()
    """Of the clip."""

    def segments(self, frontend: TextFrontend) -> list[Segment]:
        """Its segments in order; all have the request's own key."""
        checked, made = self.checked, []
        read_by = configured(frontend, checked.config.text)
        written = WrittenText(read_by, checked.request.text, checked.reading.segments)
        for index, tokens in enumerate(checked.reading.segments):
            ids = np.array(frontend.encode(tokens), np.int32)
            utterance = Utterance(self.voice, self.emotion.final, ids, self.key)
            words = words_of(tokens)
            seconds = [frontend.seconds(tokens[begin:end]) for begin, end in words]
            made.append(Segment(index, tokens, frontend.seconds(tokens), words, seconds, written, utterance))
        return made
