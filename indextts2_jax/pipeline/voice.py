"""What passes between the stages: values without behaviour, host arrays without padding."""

import dataclasses
import hashlib
import json
import logging
import os
import pathlib
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from indextts2_jax.array_typing import Float
from indextts2_jax.config import SAMPLING_RATE, ModelConfig
from indextts2_jax.errors import AudioError, CheckpointError
from indextts2_jax.runtime.atomic import replaced_file

logger = logging.getLogger(__name__)

MAX_FRAMES = 15 * SAMPLING_RATE // 256
"""Of a prompt: fifteen seconds, of which no clip has more."""

MAX_FILE_BYTES = 64 << 20
"""A voice of the published model has up to 3 MB."""

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
    model_name: str = ""
    """What its model is called (`ModelConfig.name`); empty in files of earlier versions."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file, whole or not at all.

        Raises:
          AudioError: the folder cannot be written.
        """
        path = pathlib.Path(path)
        values = {name: getattr(self, name) for name in _ARRAYS}
        arrays = {name: np.ascontiguousarray(value) for name, value in values.items() if value is not None}
        metadata = {"format": VOICE_FORMAT, "model_id": self.model_id, "source_sha256": self.source_sha256}
        metadata |= {"model": self.model_name} if self.model_name else {}
        metadata["sha256"] = _digest(arrays, metadata)
        try:
            with replaced_file(path) as new:
                save_file(arrays, new, metadata)
        except (OSError, SafetensorError) as error:
            raise AudioError(f"Cannot write the voice file {path}: {error}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ReferenceVoice":
        """Reads a file that `save` wrote.

        Raises:
          CheckpointError: missing, damaged, too large, not a voice file of this version, or arrays that do not fit
            together.
        """
        path = pathlib.Path(path)
        try:
            if not path.is_file():
                raise CheckpointError(f"No voice file at {path}.")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise CheckpointError(
                    f"{path} has {path.stat().st_size:,} bytes; a voice has at most {MAX_FILE_BYTES:,}."
                )
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError, ValueError) as error:  # ValueError: a name that no file has
            raise CheckpointError(f"{str(path)!r:.300} is not a readable voice file: {error}.") from None
        if metadata.get("format") != VOICE_FORMAT or set(arrays) | {"emotion_own"} != set(_ARRAYS):
            raise CheckpointError(f"{path} is not a voice file of this version; encode the clip again.")
        for name, array in arrays.items():
            if array.dtype != np.float32 or array.ndim != _ARRAYS[name]:
                raise CheckpointError(f"{path}: {name} is {array.dtype} {list(array.shape)}; encode the clip again.")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise CheckpointError(f"{path} holds NaN or infinite numbers; encode the clip again.")
        digest = metadata.pop("sha256", None)
        if digest is None:
            logger.warning("%s is of an earlier version, without a checksum: encode the clip again to have one.", path)
        elif digest != _digest(arrays, metadata):
            raise CheckpointError(f"{path} is damaged: its checksum is another one; encode the clip again.")
        if fault := _misfit(arrays):
            raise CheckpointError(f"{path}: {fault}; encode the clip again.")
        arrays.setdefault("emotion_own", None)
        origin = {field: metadata.get(key, "") for field, key in _ORIGIN.items()}
        return cls(**arrays, **origin)


def _digest(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """SHA-256 of everything that a voice file says."""
    shapes = {name: array.shape for name, array in arrays.items()}
    digest = hashlib.sha256(json.dumps([shapes, metadata], sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].astype("<f4").tobytes())
    return digest.hexdigest()


def _misfit(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What does not fit together, if anything."""
    frames, conditions = len(arrays["prompt_mel"]), len(arrays["prompt_condition"])
    width = arrays["emotion_base"].shape
    if not all(array.size for array in arrays.values()):
        return f"{next(name for name, array in arrays.items() if not array.size)} is empty"
    if frames != conditions or frames > MAX_FRAMES:
        return f"its prompt has {frames} frames of mel and {conditions} of condition, of at most {MAX_FRAMES}"
    if arrays["speaker_latents"].shape[1:] != width or arrays.get("emotion_own", arrays["emotion_base"]).shape != width:
        return "its speaker and its emotions have different widths"
    return None


_ORIGIN = {"model_id": "model_id", "source_sha256": "source_sha256", "model_name": "model"}
"""Where a voice comes from: its fields, and what a file calls them."""

_ARRAYS = {  # and their axes
    "speaker_latents": 2,
    "emotion_base": 1,
    "emotion_own": 1,
    "style": 1,
    "prompt_mel": 2,
    "prompt_condition": 2,
}


def check_origin(voice: "ReferenceVoice | EmotionPrompt", model: ModelConfig, model_id: str) -> None:
    """Raises `CheckpointError` for a voice or an emotion that another model encoded."""
    if voice.model_id == model_id:
        return
    name = voice.model_name if isinstance(voice, ReferenceVoice) else ""
    if name not in ("", model.name):
        raise CheckpointError(
            f"The voice is for {name}, and this is {model.name}; encode the clip again with this one."
        )
    raise CheckpointError("The voice was encoded by another model; encode the clip again with this one.")


def check_voice(voice: ReferenceVoice, model: ModelConfig) -> None:
    """Raises `CheckpointError` for a voice whose arrays are not of the sizes that a model makes."""
    wanted = {
        "speaker_latents": (model.gpt.speaker_rows, model.gpt.width),
        "emotion_base": (model.gpt.width,),
        "emotion_own": (model.gpt.width,),
        "style": (model.campplus.embedding_size,),
        "prompt_mel": (len(voice.prompt_mel), model.s2mel.mel_bins),
        "prompt_condition": (len(voice.prompt_mel), model.s2mel.width),
    }
    for name, shape in wanted.items():
        array = getattr(voice, name)
        if array is not None and array.shape != shape:
            raise CheckpointError(
                f"The voice is none of this model: its {name} is {list(array.shape)}, not {list(shape)}. "
                "Encode the clip again."
            )


@dataclasses.dataclass(frozen=True)
class EmotionPrompt:
    """The emotion embedding of a clip, before it is blended with the speaker's own."""

    vector: Float[np.ndarray, " D"]
    model_id: str = ""


def fingerprint(data: object) -> str:
    """A short stable identity of a JSON-like value."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
