"""The model and the reference clip that come with this package: small, English, made of synthetic speech only.

`"demo"`, exactly this string, always means them. A folder of that name is `"./demo"` or any `pathlib.Path`.
"""

import functools
import json
import logging
import os
import pathlib
from typing import NamedTuple

from indextts2_jax.errors import AudioError, CheckpointError

NAME = "demo"
_DATA = pathlib.Path(__file__).resolve().parent.parent / "demo"
MODEL = _DATA / "model"
"""The artefact (`checkpoint.load_artefact`); use `model_folder`, which says so where it is absent."""
VOICE = _DATA / "voice.flac"
"""A clip of a few seconds; use `voice_clip` or `encoded_voice`."""

TIMES = _DATA / "voice.json"
"""What is said in it, and when; use `voice_text`."""

logger = logging.getLogger(__name__)


def is_demo(checkpoint: object) -> bool:
    """Whether it is the name of the bundled model, rather than a path."""
    return isinstance(checkpoint, str) and checkpoint == NAME


def resolve(checkpoint: str | os.PathLike[str]) -> pathlib.Path:
    """The folder that a name or path means. Warns where the name hides an artefact in the working directory.

    Raises:
      CheckpointError: the bundled model is meant, but not part of this installation.
    """
    if not is_demo(checkpoint):
        return pathlib.Path(checkpoint)
    if pathlib.Path(NAME, "manifest.json").exists():
        _warn_hidden()
    return model_folder()


@functools.cache
def _warn_hidden() -> None:
    logger.warning('"demo" is the model that comes with this package; for the folder here write "./demo".')


def model_folder() -> pathlib.Path:
    """Raises `CheckpointError` where the bundled model is not part of this installation."""
    if not MODEL.is_dir():
        raise CheckpointError(
            f"The demo model is not part of this installation: there is no {MODEL}. Install from a full checkout, or "
            "name another checkpoint."
        )
    return MODEL


def voice_clip() -> pathlib.Path:
    """Raises `AudioError` where the bundled clip is not part of this installation."""
    if not VOICE.is_file():
        raise AudioError(f"The demo's reference clip is not part of this installation: there is no {VOICE}.")
    return VOICE


class VoiceText(NamedTuple):
    """What the bundled clip says."""

    text: str
    words: list[tuple[float, float]]
    """Start and end of each word of the text, in seconds."""


def voice_text() -> VoiceText:
    """Raises `AudioError` where it is not part of this installation."""
    if not TIMES.is_file():
        raise AudioError(
            f"The text of the demo's reference clip is not part of this installation: there is no {TIMES}."
        )
    values = json.loads(TIMES.read_text(encoding="utf-8"))
    return VoiceText(values["text"], [(start, end) for start, end in values["words"]])
