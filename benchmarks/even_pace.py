"""Words a minute of short and of long segments of the bundled model, as they come and with `duration.even_pace`.

    python -m benchmarks.even_pace

A reading is one speech: four sentences by themselves, of which the pace is taken, then short segments (at most eight
words) and long ones (three sentences made one by "and", at least 25 words). Time is what is heard: the silences of
0.1 s and more are left out, wherever they are.
"""

import json
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from absl import flags

from indextts2_jax import IndexTTS2, use_compilation_cache
from indextts2_jax.audio.postprocess import silences
from indextts2_jax.checkpoint import bundled
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.synthesis.words import PAUSE_SECONDS

SENTENCES = pathlib.Path(__file__).with_name("demo_sentences.txt")
SHORT, LONG = 8, 25
"""Words: at most, and at least."""
TOGETHER = 3
"""Sentences that become a long one, which has more tokens than the model's own settings allow."""
TOKENS = 140
BEFORE = 4


class Paced(NamedTuple):
    """A segment: its words, and the seconds in which something is heard."""

    words: int
    seconds: float


def as_one(sentences: list[str]) -> str:
    """One sentence: the bundled model's front-end cuts behind every end."""
    first, *others = (sentence.rstrip(".?!") for sentence in sentences)
    return ", and ".join([first, *(one if one.startswith("I") else one[0].lower() + one[1:] for one in others)]) + "."


def texts(sentences: list[str], number: int, of_each: int) -> list[str]:
    """The segments of reading `number`: ordinary, short, long."""
    short = [sentence for sentence in sentences if len(sentence.split()) <= SHORT]
    others = [sentence for sentence in sentences if len(sentence.split()) > SHORT]
    turned = others[7 * number % len(others) :] + others[: 7 * number % len(others)]
    rest = turned[BEFORE:]
    long = [as_one(rest[first : first + TOGETHER]) for first in range(0, TOGETHER * of_each, TOGETHER)]
    return [*turned[:BEFORE], *(short[(of_each * number + k) % len(short)] for k in range(of_each)), *long]


def measure(tts: IndexTTS2, parts: list[str], seed: int, even: bool) -> Iterator[Paced]:
    """The segments of one reading behind the first ones."""
    settings = {"duration": {"even_pace": even}, "text": {"max_text_tokens_per_segment": TOKENS}}
    speech = tts.synthesize("[pause:300ms]".join(parts), bundled.voice_clip(), seed=seed, config=settings)
    assert len(speech.spans) == len(parts), "a segment was cut"
    for part, (start, end) in list(zip(parts, speech.spans, strict=True))[BEFORE:]:
        audio = speech.audio[start:end]
        quiet = sum(last - first for first, last in silences(audio, speech.sampling_rate, 1000 * PAUSE_SECONDS))
        yield Paced(len(part.split()), (len(audio) - quiet) / speech.sampling_rate)


def figures(paced: list[Paced]) -> dict[str, float]:
    """Words a minute of all short segments together, and of all long ones; how much those of a kind differ."""
    found: dict[str, float] = {}
    for name, own in {
        "short": [one for one in paced if one.words <= SHORT],
        "long": [one for one in paced if one.words >= LONG],
    }.items():
        each = [60 * one.words / one.seconds for one in own]
        found[f"{name}, segments"] = float(len(own))
        found[f"{name}, words a minute"] = 60 * sum(one.words for one in own) / sum(one.seconds for one in own)
        found[f"{name}, deviation"] = float(np.std(each) / np.mean(each))
    return found | {"long over short": found["long, words a minute"] / found["short, words a minute"]}


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_integer("readings", 6, "So many.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("of_each", 3, "Short and long segments of each.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    tts = IndexTTS2.from_pretrained(bundled.NAME)
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    report: dict[str, dict[str, float]] = {}
    for even in (False, True):
        paced: list[Paced] = []
        for number in range(given.readings):
            paced += measure(tts, texts(sentences, number, given.of_each), number, even)
        report["even" if even else "as it comes"] = figures(paced)
    print(json.dumps(report, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
