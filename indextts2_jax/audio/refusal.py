"""What reference clips may be, and the one form of every message about them."""

from indextts2_jax.errors import AudioError

ALLOWED = "WAV, AIFF and CAF (8 to 32 bit, float, u-law, A-law), FLAC, OGG (Vorbis or Opus) and MP3"
CONVERT = "Convert it with: ffmpeg -i OLD -c:a pcm_s16le NEW.wav"
COPY = "Copy it again."

MAX_FILE_BYTES = 512 << 20
"""Ten minutes of 96 kHz stereo in 32 bits are 461 MB."""

MAX_CHUNKS = 256
"""Before the samples of a WAV, AIFF or CAF; real files have fewer than ten."""


def refusal(name: str, reason: str, remedy: str = CONVERT) -> AudioError:
    """Where, what is wrong, what to do."""
    return AudioError(f"The reference clip {name!r} {reason}. {remedy}")
