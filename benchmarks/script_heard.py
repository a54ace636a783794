"""A script as Whisper hears it: beside plain synthesis of the same lines, and its word times beside ours.

    python -m benchmarks.script_heard [--checkpoint=demo] [--lines=60] [--at_once=8] [--json=FILE]

The lines are those of demo_sentences.txt, spoken by two speakers in turn, who are the same voice: once as a script by
`dialogue.perform`, and once each by itself by `synthesize`. Whisper tiny.en hears every line of the one, cut from the
recording where its place says, and of the other; and tells when it hears each word of the script's lines. Words that it
hears as they are written are compared. Needs the extra `eval`.
"""

import difflib
import json
import pathlib
from typing import Any

import numpy as np
import soxr
from absl import flags

from benchmarks import speech_metrics as metrics
from indextts2_jax import IndexTTS2, use_compilation_cache
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.perform import Placed, perform
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.synthesis.words import Word

SENTENCES = pathlib.Path(__file__).resolve().parent / "demo_sentences.txt"
SPEAKERS = ("Anna", "Ben")


def heard_audio(audio: np.ndarray) -> metrics.Audio:
    """At the recogniser's rate, from samples at the model's."""
    return soxr.resample(audio.astype(np.float32), SAMPLING_RATE, metrics.RATE, quality="HQ")


def times_apart(ours: list[Word], theirs: list[metrics.HeardWord]) -> list[tuple[float, float]]:
    """(start, end) of Whisper's words less ours, in seconds, of the words that are the same in both."""
    written = [metrics.normalize(word.text) for word in ours]
    heard = [metrics.normalize(word.text) for word in theirs]
    blocks = difflib.SequenceMatcher(None, written, heard, autojunk=False).get_matching_blocks()
    pairs = [(ours[a + i], theirs[b + i]) for a, b, size in blocks for i in range(size) if written[a + i]]
    return [(other.start - own.start, other.end - own.end) for own, other in pairs]


def measure(tts: IndexTTS2, sentences: list[str], at_once: int) -> dict[str, Any]:
    """The figures of all sentences."""
    whisper = metrics.Whisper()
    clip = bundled.voice_clip()
    play = "\n".join(f"{SPEAKERS[place % len(SPEAKERS)]}: {text}" for place, text in enumerate(sentences))
    recital, audio = perform(tts, read_play(play), Cast({name: Part(clip) for name in SPEAKERS}), at_once=at_once)
    recording = audio / np.float32(32768)
    voice = tts.encode_voice(clip)
    script, plain, apart = [], [], []
    for one, text in zip(recital.placed, sentences, strict=True):
        own = heard_audio(recording[one.start : one.end])
        script.append(metrics.word_errors(text, whisper.hear(own)))
        apart += times_apart(list(one.take.words), whisper.words(own))
        plain.append(metrics.word_errors(text, whisper.hear(heard_audio(tts.synthesize(text, voice=voice).audio))))
        print(f"{one.task.line.number}: {script[-1].errors} and {plain[-1].errors} of {plain[-1].words}", flush=True)
    return report(recital.placed, script, plain, np.array(apart))


def report(
    placed: tuple[Placed, ...], script: list[metrics.WordErrors], plain: list[metrics.WordErrors], apart: np.ndarray
) -> dict[str, Any]:
    """`apart` [words, 2]: starts and ends, in seconds."""
    rates = [100 * metrics.total(errors).rate for errors in (script, plain)]
    return {
        "lines": len(placed),
        "words": metrics.total(plain).words,
        "word errors of the script, %": rates[0],
        "word errors of plain synthesis, %": rates[1],
        "difference, points": rates[0] - rates[1],
        "words compared": len(apart),
        "starts apart, median ms": 1000 * float(np.median(np.abs(apart[:, 0]))),
        "ends apart, median ms": 1000 * float(np.median(np.abs(apart[:, 1]))),
        "starts apart, 95 % ms": 1000 * float(np.quantile(np.abs(apart[:, 0]), 0.95)),
        "both apart, median ms": 1000 * float(np.median(np.abs(apart))),
        "starts later by, mean ms": 1000 * float(np.mean(apart[:, 0])),
    }


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", bundled.NAME, "The model.", flag_values=own)
    flags.DEFINE_integer("lines", 60, "Of the script.", lower_bound=2, flag_values=own)
    flags.DEFINE_integer("at_once", 8, "Lines spoken together.", 1, 64, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    metrics.check_packages(("jiwer", *metrics.RECOGNISERS["whisper"]))
    use_compilation_cache()
    tts = IndexTTS2.from_pretrained(given.checkpoint)
    sentences = [line for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()][: given.lines]
    found = measure(tts, sentences, given.at_once)
    print(json.dumps(found, indent=1))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
