"""`python -m indextts2_jax.training.demo.voice --teacher=FOLDER --output=FILE.flac`: a reference clip by the teacher.

One of its voices, or a mixture, reads one sentence; 22.05 kHz, 16 bit, mono. The same teacher gives the same file.
Beside it FILE.json says what was said, and when each word begins and ends.
"""

import json
import pathlib
from typing import NamedTuple

import numpy as np
import soxr
from absl import flags

from indextts2_jax.audio.write import write_audio, write_text
from indextts2_jax.errors import AudioError, IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.text.written import words_of_tokens, written_words
from indextts2_jax.training.alignment import word_spans
from indextts2_jax.training.demo import labels, symbols, teacher
from indextts2_jax.training.demo.corpus import LEXICON
from indextts2_jax.training.demo.produce import RATE
from indextts2_jax.training.demo.speakers import VOICES

VOICE = "af_heart"
SENTENCE = "The young judge quickly chose five thick boxes of azure paper."
"""Neutral, four seconds, two thirds of the phonemes."""
PEAK = 0.5
"""Of full scale."""


class Clip(NamedTuple):
    """A sentence, spoken."""

    audio: np.ndarray
    """float32 [N] at `RATE`, its peak at `PEAK`."""
    words: list[tuple[float, float]]
    """Start and end of each word, in seconds."""


def make_clip(speaker: teacher.Teacher, voices: teacher.Mixture, sentence: str = SENTENCE) -> Clip:
    """Raises `IndexTTSError` where it cannot be spoken."""
    frontend = PhonemeFrontend(LEXICON)
    spoken = symbols.read(frontend, sentence)
    audio, durations = speaker.speak(symbols.symbols(spoken), voices)
    clip = soxr.resample(audio, teacher.RATE, RATE, quality="VHQ")
    peak = float(np.max(np.abs(clip), initial=0))
    if not peak:
        raise AudioError("The teacher gave silence.")
    tokens = frontend.tokenize(sentence)
    words = written_words(sentence)
    (owners,) = words_of_tokens(frontend, sentence, words, [tokens])
    spans = word_spans(tokens, owners, labels.phones(spoken, [int(one) for one in durations], audio, teacher.RATE))
    if sorted(spans) != list(range(len(words))):
        raise AudioError(f"The teacher leaves out words of {sentence!r}.")
    times = [(round(spans[word][0], 3), round(spans[word][1], 3)) for word in range(len(words))]
    return Clip((clip * np.float32(PEAK / peak)).astype(np.float32), times)


def parse(text: str) -> dict[str, float]:
    """ "af_heart" or "af_heart:0.6,am_michael:0.4" as a mixture. Raises `IndexTTSError`."""
    try:
        mixture = {name: float(weight or 1) for name, _, weight in (part.partition(":") for part in text.split(","))}
    except ValueError:
        mixture = {}
    if not mixture or not mixture.keys() <= set(VOICES) or min(mixture.values()) <= 0:
        raise IndexTTSError(f"--voice={text}: name one of {', '.join(VOICES)}, or several as NAME:WEIGHT,NAME:WEIGHT.")
    return mixture


def define(own: flags.FlagValues, command: list[str]) -> None:
    """The flags."""
    flags.DEFINE_string("output", None, "The file to write, .flac or .wav.", required=True, flag_values=own)
    flags.DEFINE_string("teacher", None, "The folder of `fetch_teacher`.", required=True, flag_values=own)
    flags.DEFINE_string("voice", VOICE, "A voice, or NAME:WEIGHT,NAME:WEIGHT.", flag_values=own)
    flags.DEFINE_string("text", SENTENCE, "What it reads.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    """Does it. Raises `IndexTTSError`."""
    mixture = parse(options.voice)
    clip = make_clip(teacher.Teacher(pathlib.Path(options.teacher)), mixture, options.text)
    write_audio(options.output, clip.audio, RATE)
    times = pathlib.Path(options.output).with_suffix(".json")
    write_text(times, json.dumps({"text": options.text, "words": clip.words}) + "\n")
    print(f"{options.output}: {len(clip.audio) / RATE:.2f} s, and {times}")


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
