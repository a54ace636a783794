"""When every word of a text is heard in its speech.

    text as written ─ words_of_tokens ─► word of every token ─┐
    codes of a segment ─ attention ─ path ─► token of each code ┴─► start, end, confidence of every word

Where the model has no head that tells where it is (`find_heads`), the time of a segment is divided by the length of its
words, and the confidence of all is 0.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from indextts2_jax.array_typing import Float, Int, Params
from indextts2_jax.audio.clip import load_clip
from indextts2_jax.audio.postprocess import after_cuts, silences
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE, DecodeConfig, ModelConfig
from indextts2_jax.gpt.text_attention import all_heads
from indextts2_jax.pipeline import alignment, encode
from indextts2_jax.pipeline.alignment import NO_HEADS, Heads
from indextts2_jax.pipeline.generation import Utterance
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.text.frontend import TextFrontend
from indextts2_jax.text.sentences import ends_clause, sentence_ends
from indextts2_jax.text.written import WrittenWord, words_of_tokens, written_words

PAUSE_SECONDS = 0.1
"""Silence at the edge of a word that is so long is a pause, and no part of the word: no consonant is silent longer."""


@dataclasses.dataclass(frozen=True)
class Word:
    """A word of the text as written, or a character of a script without spaces."""

    text: str
    start: float
    """Seconds from the beginning of the speech."""
    end: float
    confidence: float = 0.0
    """From 0 to 1: how much of the model's attention was on the word while it was spoken. 0: it was not found, and its
    time is an even division."""
    spaced: bool = True
    """Whether a space stands before it."""

    def after(self, cuts: Sequence[tuple[int, int]]) -> "Word":
        """The same where so many samples behind some of them were cut out (`postprocess.silence_cuts`)."""
        start, end = (after_cuts(at * SAMPLING_RATE, cuts) / SAMPLING_RATE for at in (self.start, self.end))
        return dataclasses.replace(self, start=start, end=end)

    def moved(self, seconds: float) -> "Word":
        """The same, so much later."""
        return dataclasses.replace(self, start=self.start + seconds, end=self.end + seconds)


class WordTimer:
    """Finds the words of one text in its segments, which are asked for in order."""

    def __init__(
        self, params: Params, model: ModelConfig, decode: DecodeConfig, heads: Heads, written: "WrittenText"
    ) -> None:
        self._params, self._model, self._decode, self._heads = params, model, decode, heads
        self._written = written

    def times(
        self,
        index: int,
        utterance: Utterance,
        codes: Int[np.ndarray, " T"],
        audio: Float[np.ndarray, " N"],
        samples: int,
    ) -> list[Word]:
        """The words of segment `index`, in seconds from the beginning of its speech.

        Args:
          audio: its waveform, from its first sample on.
          samples: how long its codes last; what is missing of it in `audio` was cut off at the end.
        """
        words = self._written.of_segment(index)
        if not len(codes) or not words or not self._heads.places:
            return divided(words, len(audio) / SAMPLING_RATE)
        given = (self._params, self._model, utterance, codes, self._heads.places, self._decode)
        found = alignment.align(alignment.attention_maps(*given))
        quiet = silences(audio, SAMPLING_RATE, 1000 * PAUSE_SECONDS)
        result, last = [], 0.0
        for number, word in enumerate(words, start=self._written.first(index)):
            tokens = self._written.tokens(index, number)
            own = np.flatnonzero(np.isin(found.tokens, tokens))
            if not len(own):
                result.append(Word(word.text, last, last, 0.0, word.spaced))
                continue
            sure = float(found.weights[own][:, tokens].sum(axis=1).mean())
            edges = (np.array([own[0], own[-1] + 1]) + self._heads.lag) * samples / len(codes)
            start, end = _without_pauses(np.clip(edges, 0, len(audio)), quiet)
            start = max(last, start / SAMPLING_RATE)
            last = max(start, end / SAMPLING_RATE)
            result.append(Word(word.text, start, last, min(1.0, sure), word.spaced))
        return result


class WrittenText:
    """The words of a text, and which of them each token of its segments stands for. It is read as far as it is asked
    about: the beginning of a long text need not wait for its end."""

    def __init__(self, frontend: TextFrontend, text: str, segments: Sequence[Sequence[str]]) -> None:
        """`text` as it was given, `segments` as it was read."""
        self._segments = segments
        self._words: list[WrittenWord] = []
        self._coming = self._read(frontend, text)
        self._owners: list[Int[np.ndarray, " _"]] = []
        self._bounds = [0]

    def _read(self, frontend: TextFrontend, text: str) -> Iterator[Int[np.ndarray, " _"]]:
        text = frontend.prepare(text.strip()).strip()
        self._words = written_words(text)
        yield from words_of_tokens(frontend, text, self._words, self._segments)

    def owners(self, index: int) -> Int[np.ndarray, " _"]:
        """The number of the word that each token of a segment stands for."""
        while len(self._owners) <= index:
            own = next(self._coming)
            self._owners.append(own)
            end = int(own.max()) + 1 if len(own) else 0
            if len(self._owners) == len(self._segments):
                end = len(self._words)  # what is not spoken goes to what is spoken before it
            self._bounds.append(max(end, self._bounds[-1]))
        return self._owners[index]

    def tokens(self, index: int, number: int) -> Int[np.ndarray, " _"]:
        """The tokens of a segment, by their places, in which a word is heard."""
        own = [_is_heard(token) for token in self._segments[index]]
        return np.flatnonzero((self.owners(index) == number) & np.array(own, bool))

    def first(self, index: int) -> int:
        """The number of a segment's first word."""
        self.owners(index)
        return self._bounds[index]

    def text(self, numbers: Sequence[int]) -> str:
        """Some of the words, spaces where they had them."""
        return "".join(" " * self._words[number].spaced + self._words[number].text for number in numbers).strip()

    def of_segment(self, index: int) -> list[WrittenWord]:
        """The words that begin in a segment."""
        self.owners(index)
        return self._words[self._bounds[index] : self._bounds[index + 1]]


def _is_heard(token: str) -> bool:
    return token.startswith("<0x") or (not token.startswith("<|") and any(map(str.isalnum, token)))


def _without_pauses(edges: np.ndarray, quiet: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """A word's first sample and the one behind its last, moved to where sound is."""
    start, end = (float(edge) for edge in edges)
    for first, last in quiet:
        if first <= start < last:
            start = min(float(last), end)
        if first < end <= last:
            end = max(float(first), start)
    return start, end


def divided(words: Sequence[WrittenWord], seconds: float) -> list[Word]:
    """Words that share a time by their lengths."""
    weights = list(map(_weight, words, sentence_ends([word.text for word in words])))
    ends = [seconds * part / sum(weights) for part in itertools.accumulate(weights)]
    return [
        Word(word.text, start, end, 0.0, word.spaced)
        for word, start, end in zip(words, [0.0, *ends], ends, strict=False)
    ]


def _weight(word: WrittenWord, ends: bool) -> int:
    """How long it takes to say, in letters; a stop at its end takes as long as some.

    Args:
      ends: whether a sentence ends with it.
    """
    pause = 4 if ends else 2 if ends_clause(word.text) else 0
    return 1 + sum(map(str.isalnum, word.text)) + pause


# --- the heads ----------------------------------------------------------------------------------------------------


def find_heads(params: Params, model: ModelConfig, frontend: TextFrontend, watch: Stopwatch | None = None) -> Heads:
    """The heads of a model that tell where in the text it is: the most monotone ones on the bundled clip, of which the
    times of all words are known.

    None of them counts where they find its words no better than even division does, as with random weights.
    """
    watch = watch or Stopwatch()
    known = bundled.voice_text()
    clip = load_clip(bundled.voice_clip())
    semantic = encode.clip_semantic(params, model, clip, watch)
    voice = encode.encode_voice(params, model, clip, own_emotion=False, semantic=semantic, watch=watch)
    codes = encode.codes_of(params, model, semantic, watch)
    tokens = frontend.tokenize(known.text)
    if len(tokens) > model.gpt.max_text_tokens or len(codes) > model.gpt.max_mel_tokens:
        return NO_HEADS
    ids = np.array(frontend.encode(tokens), np.int32)
    utterance = Utterance(voice, voice.emotion_base, ids, jax.random.key(0))
    places = all_heads(model.gpt.layers, model.gpt.heads)
    with watch("word times"):
        maps = alignment.attention_maps(params, model, utterance, codes, places)
    chosen = alignment.choose(maps)
    if not chosen:
        return NO_HEADS
    written = WrittenText(frontend, known.text, [tokens])
    rate = model.codes_per_second
    errors = _errors(alignment.align(maps[chosen]), written, known.words, rate)
    lag = -float(np.median(errors[np.isfinite(errors)])) if np.isfinite(errors).any() else 0.0
    begin, end = known.words[0][0], known.words[-1][1]
    even = [word.moved(begin) for word in divided(written.of_segment(0), end - begin)]
    worst = [(word.start - start, word.end - stop) for word, (start, stop) in zip(even, known.words, strict=True)]
    if np.median(np.abs(errors + lag)) >= np.median(np.abs(worst)):
        return NO_HEADS
    return Heads(tuple(places[head] for head in chosen), lag * rate)


def _errors(
    found: alignment.Alignment, written: WrittenText, known: Sequence[tuple[float, float]], rate: float
) -> np.ndarray:
    """By how many seconds each word begins and ends too late; infinite where it is not found."""
    errors: list[float] = []
    for number, (start, end) in enumerate(known):
        tokens = written.tokens(0, number)
        own = np.flatnonzero(np.isin(found.tokens, tokens))
        errors += [own[0] / rate - start, (own[-1] + 1) / rate - end] if len(own) else [np.inf] * 2
    return np.array(errors[1:-1])  # silence before the first word and behind the last is anybody's
