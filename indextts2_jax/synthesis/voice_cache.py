"""The bundled clip as a model encodes it, kept on the disk: encoding takes seconds at every start."""

import contextlib
import hashlib
from typing import TYPE_CHECKING

import jax

from indextts2_jax.checkpoint.artefact import program_id
from indextts2_jax.checkpoint.bundled import voice_clip
from indextts2_jax.errors import AudioError, CheckpointError
from indextts2_jax.pipeline.voice import ReferenceVoice, fingerprint
from indextts2_jax.runtime.cache import cache_folder

if TYPE_CHECKING:
    from indextts2_jax.synthesis.synthesizer import IndexTTS2


def encoded_voice(tts: "IndexTTS2") -> ReferenceVoice:
    """The bundled clip as `tts` encodes it; kept in the user's cache folder, as this takes seconds at every start.

    Raises:
      AudioError: the clip is not part of this installation.
    """
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
