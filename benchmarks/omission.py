"""How well readings that leave something out are told from whole ones: readings of the bundled model, cut on purpose.

    python -m benchmarks.omission

Every sentence is read with every seed; of each reading there is one more that is cut in one of three ways, in turns:
codes are missing at the end (8 to 50 %), or in the middle or at the beginning (12 to 50 %), or the model reads the
sentence without a run of its words (one, up to half of them). Counted is who is suspect: of whole readings (the model
did leave something out of some, so this is an upper bound of false alarms) and of cut ones; by the length alone, and
with what the model thinks of its codes.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

from indextts2_jax import IndexTTS2, use_compilation_cache
from indextts2_jax.checkpoint import bundled
from indextts2_jax.pipeline import generation, omission
from indextts2_jax.pipeline.generation import SegmentCodes, Utterance
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.synthesis import retry
from indextts2_jax.text.frontend import words

SENTENCES = pathlib.Path(__file__).with_name("demo_sentences.txt")
CUTS = ("end", "middle", "words")


class Judged(NamedTuple):
    """A reading, and whether it is suspect by its length and by all there is."""

    kind: str
    by_length: bool
    by_all: bool
    seconds: float
    """What it took to ask the model, and what its codes last."""
    lasts: float


class Judge:
    """The bundled model, which reads sentences and thinks of its readings."""

    def __init__(self) -> None:
        self.tts = IndexTTS2.from_pretrained(bundled.NAME)
        self.voice = self.tts.encode_voice(bundled.voice_clip())

    def utterance(self, tokens: list[str], seed: int) -> Utterance:
        ids = np.array(self.tts.frontend.encode(tokens), np.int32)
        assert self.voice.emotion_base is not None
        return Utterance(self.voice, self.voice.emotion_base, ids, jax.random.key(seed))

    def read(self, utterances: list[Utterance]) -> list[SegmentCodes]:
        tts = self.tts
        return generation.choose_codes(tts.params, tts.config, tts.model, utterances, at_once=16)

    def judge(self, kind: str, tokens: list[str], utterance: Utterance, chosen: SegmentCodes) -> Judged:
        tts, expected = self.tts, self.tts.frontend.seconds(tokens)
        start = time.perf_counter()
        evidence = omission.look_for(tts.params, tts.model, utterance, chosen, words(tokens))
        seconds = time.perf_counter() - start
        by_length = retry.code_faults(chosen, expected, tts.config.redraw)
        by_all = retry.code_faults(chosen, expected, tts.config.redraw, evidence)
        return Judged(kind, bool(by_length), bool(by_all), seconds, len(chosen.codes) / tts.model.codes_per_second)


def without_codes(chosen: SegmentCodes, kind: str, rng: np.random.Generator) -> SegmentCodes:
    """A reading without its end, or without a run of codes before that."""
    codes = chosen.codes
    if kind == "end":
        return dataclasses.replace(chosen, codes=codes[: int(len(codes) * rng.uniform(0.5, 0.92))])
    size = int(len(codes) * rng.uniform(0.12, 0.5))
    first = int(rng.integers(0, len(codes) - size))
    return dataclasses.replace(chosen, codes=np.delete(codes, slice(first, first + size)))


def without_words(tokens: list[str], rng: np.random.Generator) -> list[str]:
    """A sentence without a run of its words."""
    spans = words(tokens)
    size = int(rng.integers(1, max(2, len(spans) // 2 + 1)))
    first = int(rng.integers(0, len(spans) - size + 1))
    return tokens[: spans[first][0]] + tokens[spans[first + size - 1][1] :]


def measure(sentences: list[str], seeds: int) -> Iterator[Judged]:
    """Judges every reading, and every cut one."""
    judge, rng = Judge(), np.random.default_rng(0)
    frontend = judge.tts.frontend
    texts = [part for text in sentences for part in frontend.segments(frontend.tokenize(text), 80)]
    told = [(tokens, judge.utterance(tokens, seed)) for seed in range(seeds) for tokens in texts]
    whole = judge.read([utterance for _, utterance in told])
    kinds = [CUTS[number % len(CUTS)] for number in range(len(told))]
    short = [judge.utterance(without_words(tokens, rng), number) for number, (tokens, _) in enumerate(told)]
    skipped = judge.read(short)
    for (tokens, utterance), kind, chosen, other in zip(told, kinds, whole, skipped, strict=True):
        yield judge.judge("whole", tokens, utterance, chosen)
        cut = other if kind == "words" else without_codes(chosen, kind, rng)
        yield judge.judge(kind, tokens, utterance, cut)


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_integer("sentences", None, "So many of them; by default all.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("seeds", 3, "Readings of each sentence.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()[: given.sentences]
    judged = list(measure(sentences, given.seeds))
    rows = {}
    for kind in ("whole", *CUTS):
        own = [one for one in judged if one.kind == kind]
        if own:
            length, everything = (float(np.mean([getattr(one, by) for one in own])) for by in ("by_length", "by_all"))
            rows[kind] = {"readings": len(own), "by_length": length, "by_all": everything}
            print(f"{kind:8}{len(own):5} readings, suspect by length {length:6.1%}, by all {everything:6.1%}")
    cost = sum(one.seconds for one in judged) / sum(one.lasts for one in judged)
    print(f"asking the model takes {cost:.3f} s a second of speech")
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps({**rows, "cost": cost}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
