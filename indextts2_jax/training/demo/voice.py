"""`python -m indextts2_jax.training.demo.voice --output=FILE.flac`: the reference clip that comes with the demo model.

flite's voice reads one sentence; 16 kHz, 16 bit, mono. The same flite gives the same file.
"""

import shutil
import sys

import numpy as np
from absl import flags

from indextts2_jax.audio.write import write_audio
from indextts2_jax.errors import AudioError, IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.training.demo.corpus import RATE, Voice, speak

VOICES = ("rms", "slt", "awb")
SENTENCE = "The young judge quickly chose five thick boxes of azure paper."
"""Neutral, four seconds, two thirds of the phonemes."""
PEAK = 0.5
"""Of full scale: as loud as the voice rms is in the corpus, which is not normalised."""


def make_clip(voice: str, sentence: str = SENTENCE) -> np.ndarray:
    """float32 [N] at `RATE`, its peak at `PEAK`. Raises `IndexTTSError` where flite is absent or fails."""
    flite = shutil.which("flite")
    if not flite:
        raise IndexTTSError("flite is not installed. On Debian: apt-get install flite")
    samples, _ = speak(flite, Voice(voice, voice), sentence)
    peak = int(np.max(np.abs(samples.astype(np.int32)), initial=0))
    if not peak:
        raise AudioError(f"flite's voice {voice} gave silence.")
    return (samples * np.float32(PEAK / peak)).astype(np.float32)


def _define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("output", None, "The file to write, .flac or .wav.", required=True, flag_values=own)
    flags.DEFINE_enum("voice", "rms", VOICES, "flite's voice.", flag_values=own)


def _work(own: flags.FlagValues) -> None:
    clip = make_clip(own.voice)
    write_audio(own.output, clip, RATE)
    print(f"{own.output}: {len(clip) / RATE:.2f} s")


if __name__ == "__main__":
    sys.exit(command_line.run(_work, _define, __doc__))
