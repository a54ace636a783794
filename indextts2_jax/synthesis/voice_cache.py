"""Encoded clips by their content, never by their names: the last few in memory, and on the disk where wanted."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from indextts2_jax.audio.clip import Clip
from indextts2_jax.checkpoint.artefact import program_id
from indextts2_jax.errors import AudioError, CheckpointError
from indextts2_jax.pipeline.voice import EmotionPrompt, ReferenceVoice, fingerprint
from indextts2_jax.runtime.lru import LRU

IN_MEMORY = 48 << 20
"""Bytes of encoded clips of either kind that are remembered: at least sixteen voices, of up to 3 MB."""

ON_DISK = 16
"""Voices that a folder keeps: those used last."""


class VoiceCache:
    """What a model made of clips, so that a clip given twice is encoded once.

    `folder` is where voices are kept for the next process too, as encoding takes seconds; None, the default: nowhere.
    """

    def __init__(self, model_id: str) -> None:
        self.folder: pathlib.Path | None = None
        self._model_id = model_id
        self._voices: LRU[ReferenceVoice] = LRU(IN_MEMORY, _bytes)
        self._emotions: LRU[EmotionPrompt] = LRU(IN_MEMORY, _bytes)

    def voice(self, clip: Clip, options: tuple[bool, ...], encode: Callable[[], ReferenceVoice]) -> ReferenceVoice:
        """The voice of a clip, encoded if it is not known; `options` are all else that the result depends on."""
        key = (digest(clip), *options)
        return self._voices.get(key, lambda: self._from_disk(key, encode))

    def emotion(self, clip: Clip, encode: Callable[[], EmotionPrompt]) -> EmotionPrompt:
        """The emotion prompt of a clip, encoded if it is not known."""
        return self._emotions.get(digest(clip), encode)

    def _from_disk(self, key: tuple[object, ...], encode: Callable[[], ReferenceVoice]) -> ReferenceVoice:
        if self.folder is None:
            return encode()
        made_by = fingerprint([program_id(), jax.default_backend(), self._model_id, *key])
        path = self.folder / f"{made_by}.safetensors"
        with contextlib.suppress(CheckpointError):  # not there yet, or damaged
            voice = ReferenceVoice.load(path)
            with contextlib.suppress(OSError):
                os.utime(path)
            return voice
        voice = encode()
        with contextlib.suppress(OSError, AudioError):  # a cache that cannot be written costs the time, nothing else
            self.folder.mkdir(parents=True, exist_ok=True)
            voice.save(path)
            kept = sorted(self.folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime, reverse=True)
            for old in kept[ON_DISK:]:
                old.unlink(missing_ok=True)
        return voice


def _bytes(encoded: ReferenceVoice | EmotionPrompt) -> int:
    """Of its arrays."""
    return sum(value.nbytes for value in vars(encoded).values() if isinstance(value, np.ndarray))


def digest(clip: Clip) -> str:
    """SHA-256 of the samples and their rate."""
    samples = np.ascontiguousarray(clip.audio)
    return hashlib.sha256(samples.tobytes() + str((clip.sampling_rate, samples.shape)).encode()).hexdigest()
