"""What passes between the stages: values without behaviour, host arrays without padding."""

import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from indextts2_jax.array_typing import Float
from indextts2_jax.errors import AudioError, CheckpointError
from indextts2_jax.runtime.atomic import replaced_file

VOICE_FORMAT = "indextts2_jax voice 1"


@dataclasses.dataclass(frozen=True)
class ReferenceVoice:
    """Everything of a reference clip that synthesis needs; a value to keep, save and pass around.

    `emotion_base` is the emotion embedding of the clip as the speaker prompt; `emotion_own` that of the same clip as
    its own emotion prompt (None if it was not asked for). They differ slightly because the reference resamples the
    clip differently for the two roles.
    """

    speaker_latents: Float[np.ndarray, "Q D"]
    emotion_base: Float[np.ndarray, " D"]
    emotion_own: Float[np.ndarray, " D"] | None
    style: Float[np.ndarray, " style"]
    prompt_mel: Float[np.ndarray, "M C"]
    prompt_condition: Float[np.ndarray, "M E"]
    model_id: str = ""
    source_sha256: str = ""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file, whole or not at all.

        Raises:
          AudioError: the folder cannot be written.
        """
        path = pathlib.Path(path)
        values = {name: getattr(self, name) for name in _ARRAYS}
        arrays = {name: np.ascontiguousarray(value) for name, value in values.items() if value is not None}
        metadata = {"format": VOICE_FORMAT, "model_id": self.model_id, "source_sha256": self.source_sha256}
        try:
            with replaced_file(path) as new:
                save_file(arrays, new, metadata)
        except (OSError, SafetensorError) as error:
            raise AudioError(f"Cannot write the voice file {path}: {error}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ReferenceVoice":
        """Reads a file that `save` wrote.

        Raises:
          CheckpointError: missing, damaged, or not a voice file of this version.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise CheckpointError(f"No voice file at {path}.")
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is not a readable voice file: {error}.") from None
        if metadata.get("format") != VOICE_FORMAT or set(arrays) | {"emotion_own"} != set(_ARRAYS):
            raise CheckpointError(f"{path} is not a voice file of this version; encode the clip again.")
        for name, array in arrays.items():
            if array.dtype != np.float32 or array.ndim != _ARRAYS[name]:
                raise CheckpointError(f"{path}: {name} is {array.dtype} {list(array.shape)}; encode the clip again.")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise CheckpointError(f"{path} holds NaN or infinite numbers; encode the clip again.")
        arrays.setdefault("emotion_own", None)
        return cls(**arrays, model_id=metadata.get("model_id", ""), source_sha256=metadata.get("source_sha256", ""))


_ARRAYS = {  # and their axes
    "speaker_latents": 2,
    "emotion_base": 1,
    "emotion_own": 1,
    "style": 1,
    "prompt_mel": 2,
    "prompt_condition": 2,
}


@dataclasses.dataclass(frozen=True)
class EmotionPrompt:
    """The emotion embedding of a clip, before it is blended with the speaker's own."""

    vector: Float[np.ndarray, " D"]
    model_id: str = ""


def fingerprint(data: object) -> str:
    """A short stable identity of a JSON-like value."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
