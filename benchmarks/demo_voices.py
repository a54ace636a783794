"""Whose voices `demo_speech` meets: the teacher's that were trained on, those that never were, clips of people.

Every voice reads six sentences of its own that nobody is measured by: three are the reference clips that the model is
given, three are what its speech is compared with, so that a cosine is to another clip than the one it heard.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from indextts2_jax.audio.clip import inspect
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.training.demo.speakers import KEPT_OUT, MAIN, mixtures

REFERENCES = (  # 4 to 6 seconds each
    "Every evening the lighthouse keeper climbs the narrow stairs and looks far out over the dark sea.",
    "When the orchestra had finished playing, the whole audience stood up and clapped for several minutes.",
    "Before you plant the seeds, loosen the soil with a fork and water it gently in the shade.",
)
COMPARED = (
    "The fisherman mended his nets in the sun while the children collected shells along the beach.",
    "Our neighbour repairs old clocks, and on quiet nights you can hear them ticking through the wall.",
    "A thick fog came down from the mountains, and the driver could hardly find the road.",
)
OTHERS = ("am_adam", "af_sarah")
"""With the six and the four that were kept out they are twelve, among which the nearest is looked for."""
AMONG = 12
GROUPS = ("trained", "kept", "mixtures", "hard", "clips")
CLIP_ENDINGS = (".wav", ".flac", ".ogg", ".mp3")


@dataclasses.dataclass(frozen=True)
class Voice:
    """A voice to be met, before it is heard."""

    name: str
    group: str
    """"trained", "kept", "mixtures" or "clips"; "others" is not spoken in, only compared with."""
    mixture: dict[str, float]
    """As the teacher takes it; empty for the clip of a person."""
    clips: tuple[pathlib.Path, ...]
    """What the model is given, one after another."""
    compared: tuple[pathlib.Path, ...]
    """What its speech is compared with."""


@dataclasses.dataclass(frozen=True)
class Heard:
    """A voice whose clips were heard."""

    voice: Voice
    embeddings: list[np.ndarray]  # [256] of each compared clip, of length 1


def teachers_voices(folder: pathlib.Path, seed: int) -> list[Voice]:
    """All voices of the teacher; their clips are not there yet. `seed`: of the corpus, whose mixtures were kept out."""
    _, unseen = mixtures(seed)
    named = [(name, "trained", {name: 1.0}) for name in MAIN]
    named += [(name, "kept", {name: 1.0}) for name in KEPT_OUT]
    named += [(name, "others", {name: 1.0}) for name in OTHERS]
    named += [(speaker.name, "mixtures", speaker.mixture) for speaker in unseen]

    def clips(name: str, kind: str) -> tuple[pathlib.Path, ...]:
        return tuple(folder / "clips" / name / f"{kind}_{i}.wav" for i in range(3))

    return [
        Voice(name, group, mixture, clips(name, "reference"), clips(name, "compared")) for name, group, mixture in named
    ]


def people(folder: pathlib.Path) -> list[Voice]:
    """A voice a sound file of the folder, which is compared with itself.

    Raises `IndexTTSError` where there is none, or one that cannot be a reference clip.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in CLIP_ENDINGS)
    except OSError as error:
        raise IndexTTSError(f"--clips={folder}: {error.strerror or error}") from None
    if not paths:
        raise IndexTTSError(f"--clips={folder} has no sound file ({', '.join(CLIP_ENDINGS)}).")
    for path in paths:
        inspect(path)
    return [Voice(path.stem, "clips", {}, (path,), (path,)) for path in paths]


def candidates(voice: Heard, all_voices: Sequence[Heard]) -> list[Heard]:
    """Twelve among which the nearest is looked for: six, four and two voices; of a mixture itself and eleven more."""
    if voice.voice.group == "clips":
        return [voice]
    if voice.voice.group == "mixtures":
        kind = [other for other in all_voices if other.voice.group == "mixtures"]
        place = kind.index(voice)
        return [*kind[place:], *kind[:place]][:AMONG]
    return [other for other in all_voices if other.voice.group in ("trained", "kept", "others")]
