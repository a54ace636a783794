"""What a reference clip may be, decided from its first bytes, before any native decoder sees the file.

    bytes ── RIFF / RF64 ──► coding on the list? samples inside the file? (wav.py) ──────────┐
          ── FORM, caff ───► the same (iff.py) ──────────────────────────────────────────────┤
          ── fLaC ───────────────────────────────────────────────────────────────────────────┤
          ── OggS ─────────► Vorbis or Opus? one stream? ────────────────────────────────────┼─► libsndfile may open it
          ── MPEG sync ────► layer III? ─────────────────────────────────────────────────────┤
          ── ID3, zeros ───► a tag or a gap of sane size, then one of these ─────────────────┘
          ── MP4, WebM, AAC ► FFmpeg may open it, where the extra `formats` is (containers.py)
          ── anything else ► AudioError

Why not let libsndfile decide: it opens some thirty formats, and its faults sit in the ones nobody needs (the integer
overflow in the header path of IMA-ADPCM, CVE-2026-37555, is one), so a check after opening comes too late.
"""

import re

from indextts2_jax.audio import iff, wav
from indextts2_jax.audio.refusal import ALLOWED, COPY, refusal
from indextts2_jax.audio.view import Handle, View

MAX_TAG_BYTES = 16 << 20
"""An ID3 tag in front of the sound: room for cover art, not for a bomb."""

MAX_GAP_BYTES = 1 << 20
"""Zeros in front of the sound, which some recorders leave."""

_OGG_FIRST_PAGE = re.compile(rb"OggS\x00[\x02\x03\x06\x07]")


def open_sound(handle: Handle, size: int, name: str) -> Handle | View:
    """What libsndfile may read: the file at its start, or a view of it with a header that is right.

    Args:
      handle: the file, open for reading and seekable.
      size: its length in bytes.
      name: what messages call it.
    Raises:
      AudioError: unless it is of an allowed container, codec and sample format.
    """
    if size == 0:
        raise refusal(name, "is an empty file", "Give a recording.")
    sound = _sound_at(handle, _gap(handle), size, name)
    sound.seek(0)
    return sound


def _gap(handle: Handle) -> int:
    """How many zeros stand in front."""
    start = _read(handle, 0, MAX_GAP_BYTES)
    found = len(start) - len(start.lstrip(b"\0"))
    return found if found < len(start) else 0


def _sound_at(handle: Handle, start: int, size: int, name: str, tags: bool = True) -> Handle | View:
    head = _read(handle, start, 12)
    if wav.is_wav(head):
        return wav.open_wav(handle, start, size, name)
    if tags and head[:3] == b"ID3" and len(head) >= 10 and not head[5] & 0x10:  # with a footer: read unalike
        end = _tag_end(head, start, size, name)
        sound = _sound_at(handle, end, size, name, tags=False)
        return sound if wav.is_wav(_read(handle, end, 12)) else _whole(handle, start, size)
    if iff.is_caf(head) and start == 0:
        return iff.open_caf(handle, size, name)
    if iff.is_aiff(head) and start == 0:
        iff.check_aiff(handle, head, size, name)
    elif head[:4] == b"OggS" and start == 0:
        _check_ogg(handle, name)
    elif head[:4] != b"fLaC" and not _is_mpeg_layer_3(head):
        raise refusal(name, f"is not audio of a kind that is read here: {ALLOWED}")
    return _whole(handle, start, size)


def _whole(handle: Handle, start: int, size: int) -> Handle | View:
    return View(b"", handle, start, size) if start else handle


def _read(handle: Handle, start: int, length: int) -> bytes:
    handle.seek(start)
    return handle.read(length)


def _is_mpeg_layer_3(head: bytes) -> bool:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate != 15 and rate != 3


def _tag_end(head: bytes, start: int, size: int, name: str) -> int:
    length = 0
    for byte in head[6:10]:  # four bytes of seven bits
        length = length << 7 | byte & 0x7F
    end = start + 10 + length
    if length > MAX_TAG_BYTES:
        raise refusal(name, f"starts with a tag of {length} bytes, more than the {MAX_TAG_BYTES} allowed")
    if end >= size:
        raise refusal(name, "ends within its ID3 tag: it is cut short or damaged", COPY)
    return end


def _check_ogg(handle: Handle, name: str) -> None:
    page = _read(handle, 0, 27 + 255 + 8)
    packet = page[27 + page[26] :] if len(page) > 27 else b""
    if not packet.startswith((b"OpusHead", b"\x01vorbis")):
        raise refusal(name, f"is OGG, but neither Vorbis nor Opus. Read are {ALLOWED}")
    handle.seek(0)
    streams, tail = 0, b""
    while block := handle.read(1 << 20):
        # The overlap is one byte less than a match, so that none is counted twice.
        streams += len(_OGG_FIRST_PAGE.findall(tail + block))
        tail = block[-5:]
    if streams != 1:
        raise refusal(name, f"holds {streams} OGG streams where one is expected: the others would not be heard")
