"""A recording of a book to a file with tags: FLAC and WAV by libsndfile; MP3, M4A and M4B by FFmpeg (PyAV), with
marks of chapters and a cover."""

import contextlib
import fractions
import io
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from indextts2_jax.array_typing import Int
from indextts2_jax.audio.write import AudioWriter
from indextts2_jax.books.book import Cover
from indextts2_jax.books.markup import INSTALL
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import AudioError, ConfigError, IndexTTSError
from indextts2_jax.runtime import atomic

GENRE = "Audiobook"

_PICTURES = {".jpg": ("mjpeg", "jpeg_pipe"), ".png": ("png", "png_pipe")}
"""FFmpeg's names: of the codec, and of what reads a single one."""
_AUDIOBOOK = "2"
"""iTunes' number of this kind of recording."""


class _Container(NamedTuple):
    format: str
    codec: str
    options: dict[str, str]


_MP4 = {"movflags": "+faststart"}
CONTAINERS = {
    ".mp3": _Container("mp3", "libmp3lame", {"id3v2_version": "3"}),
    ".m4a": _Container("mp4", "aac", _MP4 | {"brand": "M4A "}),
    ".m4b": _Container("mp4", "aac", _MP4 | {"brand": "M4B "}),
}
SUFFIXES = (".flac", ".wav", *CONTAINERS)


class Tags(NamedTuple):
    """What a file says of itself."""

    title: str
    artist: str
    album: str
    track: int = 0
    """From 1; 0: it is no part of several."""


class Mark(NamedTuple):
    """A chapter within a recording, in samples."""

    title: str
    start: int
    end: int


def check_encoder(suffix: str) -> None:
    """Raises `ConfigError` where what writes such files is not installed."""
    if suffix not in CONTAINERS:
        return
    try:
        import av.container
    except ImportError:
        raise ConfigError(f"Writing {suffix} needs PyAV: {INSTALL}.") from None
    if not hasattr(av.container.OutputContainer, "add_mux_stream"):
        raise ConfigError(f"Writing {suffix} needs PyAV 18 or newer, which has marks of chapters: {INSTALL}.")


def is_readable(cover: Cover) -> bool:
    """Whether FFmpeg can tell how large a picture is; players would not show another one."""
    import av

    try:
        return all(_size(cover))
    except av.FFmpegError:
        return False


def write_recording(
    path: pathlib.Path,
    pieces: Iterable[Int[np.ndarray, " _"]],
    tags: Tags,
    *,
    cover: Cover | None = None,
    marks: Sequence[Mark] = (),
    kilobits: int = 64,
) -> None:
    """Writes int16 samples as a file that appears whole or not at all.

    Args:
      path: ends in one of `SUFFIXES`, which says what is written.
      cover, marks: for MP3, M4A and M4B alone.
      kilobits: a second, likewise.
    Raises:
      AudioError: a place that cannot be written, a full disk; as `pieces` does.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        number = {"tracknumber": str(tags.track)} if tags.track else {}
        own = {"title": tags.title, "artist": tags.artist, "album": tags.album, "genre": GENRE} | number
        with AudioWriter(path, tags=own) as file:
            for piece in pieces:
                file.write(piece)
        return
    with _writing(path) as new:
        _encode(new, container, pieces, _metadata(tags, path.suffix.lower()), cover, marks, kilobits)


@contextlib.contextmanager
def _writing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    import av

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced_file(path) as new:
            yield new
    except IndexTTSError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise AudioError(f"Cannot write {str(path)!r}: {reason}. Choose another folder or free space.") from error


def _metadata(tags: Tags, suffix: str) -> dict[str, str]:
    own = {"title": tags.title, "artist": tags.artist, "album_artist": tags.artist, "album": tags.album, "genre": GENRE}
    if tags.track:
        own["track"] = str(tags.track)
    if suffix == ".m4b":
        own["media_type"] = _AUDIOBOOK
    return {name: value for name, value in own.items() if value}


def _encode(
    new: pathlib.Path,
    kind: _Container,
    pieces: Iterable[Int[np.ndarray, " _"]],
    metadata: dict[str, str],
    cover: Cover | None,
    marks: Sequence[Mark],
    kilobits: int,
) -> None:
    import av

    with av.open(str(new), "w", format=kind.format, options=kind.options) as opened:
        container: Any = opened
        stream: Any = container.add_stream(kind.codec, rate=SAMPLING_RATE)
        stream.codec_context.layout, stream.codec_context.thread_count = "mono", 1
        stream.codec_context.bit_rate = 1000 * kilobits
        picture = _picture_stream(container, cover) if cover else None
        container.metadata.update(metadata)
        container.set_chapters(_chapters(marks))
        container.start_encoding()
        if cover and picture is not None:
            container.mux(_packet(cover, picture))
        samples = 0
        for piece in pieces:
            for start in range(0, len(piece), SAMPLING_RATE):
                part = np.ascontiguousarray(piece[start : start + SAMPLING_RATE])
                frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = SAMPLING_RATE, samples
                samples += len(part)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _chapters(marks: Sequence[Mark]) -> list[Any]:
    base = fractions.Fraction(1, SAMPLING_RATE)
    return [
        {"id": number, "start": mark.start, "end": mark.end, "time_base": base, "metadata": {"title": mark.title}}
        for number, mark in enumerate(marks)
    ]


# --- the picture --------------------------------------------------------------------------------------------------

_TICK = fractions.Fraction(1, 90_000)


def _size(cover: Cover) -> tuple[int, int]:
    import av

    with av.open(io.BytesIO(cover.data), format=_PICTURES[cover.suffix][1]) as container:
        picture = container.streams.video[0]
        return picture.width, picture.height


def _picture_stream(container: Any, cover: Cover) -> Any:
    from av.stream import Disposition

    width, height = _size(cover)
    stream = container.add_mux_stream(_PICTURES[cover.suffix][0], width=width, height=height, time_base=_TICK)
    stream.disposition = Disposition.attached_pic
    return stream


def _packet(cover: Cover, stream: Any) -> Any:
    import av

    packet = av.Packet(cover.data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, _TICK, True
    packet.pts = packet.dts = 0
    return packet
