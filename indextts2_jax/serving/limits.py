"""What clients may ask for at most; every limit has a flag or a line in docs/serving.md."""

import dataclasses

from indextts2_jax.errors import require


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bytes, characters, seconds. Raises `ConfigError` for one that leaves nothing."""

    body_bytes: int = 16 << 20
    """Of one request, uploads included."""
    clip_bytes: int = 10 << 20
    """Of one recording, as OpenAI has it."""
    text_characters: int = 10_000
    """Of one speech: about eleven minutes."""
    script_characters: int = 200_000
    """Of one script that is read."""
    script_lines: int = 2000
    audio_seconds: float = 1800.0
    """Of one speech, pauses included."""
    request_seconds: float = 600.0
    """From the request to its last sample; what takes longer is given up."""
    body_seconds: float = 60.0
    """For a request to arrive."""
    stall_seconds: float = 60.0
    """For which a client may take nothing of what it is sent."""
    items: int = 32
    """Of one batch."""
    voices: int = 200
    """Uploaded voices that are kept."""
    voice_bytes: int = 1 << 30
    """Of all of them together."""
    decoders: int = 2
    """Child processes that decode recordings at once."""
    waiting_bytes: int = 256 << 20
    """Of recordings that wait for one of them."""
    decode_seconds: float = 20.0
    """For one recording."""
    decode_bytes: int = 2 << 30
    """Address space of such a process."""
    connections: int = 64
    """WebSockets and Wyoming connections at once, of each."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            require(value > 0, field.name, value, "above 0")
