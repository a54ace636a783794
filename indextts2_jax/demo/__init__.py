"""The model and the reference clip that come with this package: small, English, made of synthetic speech only.

`"demo"`, exactly this string, always means them. A folder of that name is `"./demo"` or any `pathlib.Path`.
"""

import contextlib
import functools
import hashlib
import logging
import os
import pathlib
from typing import TYPE_CHECKING

from indextts2_jax.cache import cache_folder
from indextts2_jax.errors import AudioError, CheckpointError

if TYPE_CHECKING:
    from indextts2_jax.bundles import ReferenceVoice
    from indextts2_jax.synthesizer import IndexTTS2

NAME = "demo"
MODEL = pathlib.Path(__file__).with_name("model")
"""The artefact (`checkpoint.load_artefact`); use `model_folder`, which says so where it is absent."""
VOICE = pathlib.Path(__file__).with_name("voice.flac")
"""A clip of a few seconds; use `voice_clip` or `encoded_voice`."""

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


def encoded_voice(tts: "IndexTTS2") -> "ReferenceVoice":
    """The bundled clip as `tts` encodes it; kept in the user's cache folder, as this takes seconds at every start.

    Raises:
      AudioError: the clip is not part of this installation.
    """
    import jax

    from indextts2_jax.bundles import ReferenceVoice, fingerprint
    from indextts2_jax.checkpoint import program_id

    clip = voice_clip()
    source = hashlib.sha256(clip.read_bytes()).hexdigest()
    made_by = fingerprint([program_id(), jax.default_backend(), tts.model_id, source])
    kept = cache_folder("voices") / f"demo-{made_by}.safetensors"
    with contextlib.suppress(CheckpointError):  # not there yet, or damaged
        return ReferenceVoice.load(kept)
    voice = tts.encode_voice(clip)
    with contextlib.suppress(OSError, AudioError):  # a cache that cannot be written costs the time, nothing else
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob("demo-*.safetensors"):
            old.unlink(missing_ok=True)
        voice.save(kept)
    return voice
