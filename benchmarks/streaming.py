"""Streaming: how soon the first audio comes, how far it is from the whole, and whether seams can be heard.

    python -m benchmarks.streaming [--checkpoint=demo] [--speaker=voice.wav] [--json=out.json]

Each sentence is streamed twice: the first time compiles, the second one is timed. The spectral distance is the mean
difference of log mel spectra in dB where either is loud (within 50 dB of the loudest frame). The step at a seam is the
largest difference of neighbouring samples there, by the 99.9th percentile of such differences within chunks: a click is
far above 1.
"""

import itertools
import json
import pathlib
import statistics
import time
from typing import Any

import numpy as np
from absl import flags

from indextts2_jax import IndexTTS2, ReferenceVoice, use_compilation_cache
from indextts2_jax.audio.mel import ref_mel
from indextts2_jax.checkpoint import bundled
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

SENTENCES = (
    "The little boat came home before the storm, and everyone was glad.",
    "Streaming begins to speak before the end of the sentence is known.",
    "Seven quiet horses stood beside the river in the morning light.",
)


def spectral_distance(one: np.ndarray, other: np.ndarray) -> float:
    """In dB, of waveforms of equal length."""
    a, b = ref_mel(one), ref_mel(other)
    decibels = 20 / np.log(10)
    level = np.maximum(a.max(axis=1), b.max(axis=1))
    loud = level > level.max() - 50 / decibels
    return float(np.mean(np.abs(a - b)[loud]) * decibels)


def seam_steps(chunks: list[np.ndarray]) -> list[float]:
    """The step from each chunk to the next, by what is usual within chunks."""
    usual = np.percentile(np.concatenate([np.abs(np.diff(chunk)) for chunk in chunks]), 99.9)
    return [float(abs(after[0] - before[-1]) / usual) for before, after in itertools.pairwise(chunks)]


def measure(tts: IndexTTS2, voice: ReferenceVoice, text: str, seed: int = 0) -> dict[str, Any]:
    """Streams once, timed, and compares with the whole."""
    start = time.perf_counter()
    chunks, times = [], []
    for chunk in tts.stream(text, voice, seed=seed):
        chunks.append(chunk)
        times.append(time.perf_counter() - start)
    audio = np.concatenate(chunks)
    whole = tts.synthesize(text, voice, seed=seed)
    heard = np.cumsum([len(chunk) for chunk in chunks]) / whole.sampling_rate
    late = [t - (times[0] + h) for t, h in zip(times[1:], heard, strict=False)]
    return {
        "first_audio_s": times[0],
        "whole_s": times[-1],
        "audio_s": len(audio) / whole.sampling_rate,
        "longest_gap_s": max([0.0, *late]),
        "chunks": len(chunks),
        "equal_length": len(audio) == len(whole.audio),
        "spectral_distance_db": spectral_distance(audio, whole.audio),
        "largest_seam": max(seam_steps(chunks), default=0.0),
    }


def define_flags(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("checkpoint", bundled.NAME, "Folder of an artefact, or demo.", flag_values=own)
    flags.DEFINE_string("speaker", None, "Clip; by default the bundled one.", flag_values=own)
    flags.DEFINE_integer("sentences", len(SENTENCES), "How many.", 1, len(SENTENCES), flag_values=own)
    flags.DEFINE_integer("repeats", 3, "Timed runs of each sentence.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("json", None, "File to write the figures to.", flag_values=own)


def main(given: flags.FlagValues) -> None:
    use_compilation_cache()
    tts = IndexTTS2.from_pretrained(given.checkpoint)
    voice = tts.encode_voice(given.speaker or bundled.voice_clip())
    rows = []
    for text in SENTENCES[: given.sentences]:
        measure(tts, voice, text)
        runs = [measure(tts, voice, text) for _ in range(given.repeats)]
        rows.append({key: statistics.median(run[key] for run in runs) for key in runs[0]} | {"text": text})
        print(", ".join(f"{key} {value:.3f}" for key, value in rows[-1].items() if key != "text"))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    leave(command_line.run(main, define_flags, __doc__))
