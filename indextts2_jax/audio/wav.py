"""The headers of WAV files, as programs write them: some leave lengths open, some forget a byte.

    RIFF, size | WAVE | "fmt " … | LIST, JUNK, … | data, size | samples

A header that leaves its lengths open belongs to a program that wrote to a pipe or was ended: the samples reach to the
end of the file. A size larger than any file that is read (0x7FFFFFFF, 2,000,000,000) is such a placeholder. libsndfile
gets a header of ours then, in front of the same samples.
"""

import struct
from typing import NamedTuple

from indextts2_jax.audio.refusal import ALLOWED, COPY, MAX_CHUNKS, MAX_FILE_BYTES, refusal
from indextts2_jax.audio.view import Handle, View

OPEN = 0xFFFFFFFF
"""The largest size there is, and what most programs write for one that they do not know."""

_PCM, _FLOAT, _A_LAW, _U_LAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _A_LAW: (8,), _U_LAW: (8,)}
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_KINDS = frozenset(
    (b"fmt ", b"data", b"fact", b"LIST", b"bext", b"cue ", b"smpl", b"inst", b"id3 ", b"ID3 ", b"JUNK", b"junk")
    + (b"PAD ", b"PEAK", b"ds64", b"iXML", b"axml", b"chna", b"_PMX", b"minf", b"elm1", b"regn", b"umid", b"FLLR")
)


class Layout(NamedTuple):
    """Where things are in a WAV file."""

    form: bytes
    """The body of the format chunk."""
    start: int
    """Of the samples."""
    length: int
    """Of the samples, as their chunk has it."""
    sound: bool
    """Whether every size and every padding is as it should be."""


def is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def open_wav(handle: Handle, start: int, size: int, name: str) -> Handle | View:
    """What libsndfile may read of a WAV file that begins at `start`.

    Raises:
      AudioError: a coding that is not on the list, a header that is damaged, or samples that are cut short.
    """
    handle.seek(start)
    head = handle.read(12)
    long_form = head[:4] == b"RF64"
    outer = int.from_bytes(head[4:8], "little")
    layout = _layout(handle, start + 12, name, long_form)
    frame_bytes = _check_format(layout.form, name)
    found = max(0, size - layout.start)
    length, complete = layout.length, layout.sound and (long_form or 0 < outer <= MAX_FILE_BYTES)
    if not long_form and (length > MAX_FILE_BYTES or (length == 0 and _left_open(outer, layout.start - start))):
        length, complete = found - found % frame_bytes, False
    if length == 0:
        raise refusal(name, "holds no sound: 0 bytes of it by its header", "Give a recording.")
    if length > found:
        raise refusal(name, f"is cut short: it promises {length} bytes of sound and has {found}", COPY)
    if not complete:
        form = struct.pack("<4sI", b"fmt ", len(layout.form)) + layout.form + bytes(len(layout.form) % 2)
        body = b"WAVE" + form + struct.pack("<4sI", b"data", length)
        header = struct.pack("<4sI", b"RIFF", len(body) + length) + body
        return View(header, handle, layout.start, layout.start + length)
    return handle if start == 0 else View(b"", handle, start, size)


def _left_open(outer: int, header_bytes: int) -> bool:
    """Whether the size of the whole says that its writer was not there at the end."""
    return outer > MAX_FILE_BYTES or outer + 8 <= header_bytes


def _layout(handle: Handle, position: int, name: str, long_form: bool) -> Layout:
    form, long_length, sound = b"", 0, True
    for _ in range(MAX_CHUNKS):
        handle.seek(position)
        header = handle.read(8)
        if len(header) < 8:
            break
        kind, length = struct.unpack("<4sI", header)
        if kind == b"data":
            if not form:
                raise refusal(name, "is damaged: its sound comes before the description of its format")
            return Layout(form, position + 8, long_length if long_form and length == OPEN else length, sound)
        if kind == b"fmt ":
            if form:
                raise refusal(name, "is damaged: it describes its format twice")
            form = handle.read(min(length, 40))
            if len(form) < 16:
                raise refusal(name, "is damaged: its format description is cut short", COPY)
        elif kind == b"ds64":
            body = handle.read(16)
            long_length = int.from_bytes(body[8:16], "little") if len(body) == 16 else 0
        padding = _padding(handle, position + 8 + length) if length % 2 else 0
        sound = sound and padding == length % 2
        position += 8 + length + padding
    raise refusal(name, "is a WAV without sound: its header is cut short or damaged", COPY)


def _padding(handle: Handle, end: int) -> int:
    """Behind a chunk of odd length: one byte, which some programs forget."""
    handle.seek(end)
    following = handle.read(5)
    return 0 if following[:4] in _KINDS and following[1:] not in _KINDS else 1


def _check_format(form: bytes, name: str) -> int:
    """The bytes of a frame. Raises `AudioError`."""
    tag, channels, _, _, frame_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) == 40 and form[26:40] == GUID_TAIL:
        tag = int.from_bytes(form[24:26], "little")
    if bits not in _BITS.get(tag, ()):
        raise refusal(name, f"is WAV of coding 0x{tag:04X} with {bits} bits, which is not read. Read are {ALLOWED}")
    if frame_bytes != channels * bits // 8:
        raise refusal(name, f"is damaged: {channels} channels of {bits} bits do not fill frames of {frame_bytes} bytes")
    return max(1, frame_bytes)
