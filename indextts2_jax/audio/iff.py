"""The headers of AIFF, AIFF-C and CAF files, which come from Apple's programs and old recorders.

FORM, size | AIFF or AIFC | COMM … | SSND, size, offset, block | samples        sizes of 32 bits, big-endian
caff, version | desc … | data, size, edit count | samples                       sizes of 64 bits, big-endian
"""

import struct

from indextts2_jax.audio.refusal import ALLOWED, COPY, MAX_CHUNKS, refusal
from indextts2_jax.audio.view import Handle, View

MAX_HEAD_BYTES = 16 << 20
"""Before the samples of a CAF: room for cover art."""

_OPEN = (1 << 64) - 1
"""The size of CAF samples that reach to the end of the file."""

_AIFC = {  # compression -> bits of a sample that make sense with it
    b"NONE": (8, 16, 24, 32),
    b"twos": (8, 16, 24, 32),
    b"sowt": (16, 24, 32),
    b"in24": (24,),
    b"in32": (32,),
    b"raw ": (8,),
    **dict.fromkeys((b"fl32", b"FL32"), (32,)),
    **dict.fromkeys((b"fl64", b"FL64"), (64,)),
    **dict.fromkeys((b"alaw", b"ALAW", b"ulaw", b"ULAW"), (8, 16)),  # 16: what they stand for
}
_LAWS = (b"alaw", b"ALAW", b"ulaw", b"ULAW")
_CAF = {b"lpcm": (8, 16, 24, 32, 64), b"alaw": (8,), b"ulaw": (8,)}


def is_aiff(head: bytes) -> bool:
    return head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")


def is_caf(head: bytes) -> bool:
    return head[:6] == b"caff\x00\x01"


def check_aiff(handle: Handle, head: bytes, size: int, name: str) -> None:
    """Raises `AudioError` unless the samples are of a coding on the list and inside the file."""
    position, promised = 12, 0
    for _ in range(MAX_CHUNKS):
        handle.seek(position)
        header = handle.read(8)
        if len(header) < 8:
            break
        kind, length = struct.unpack(">4sI", header)
        if kind == b"COMM":
            promised = _aiff_bytes(handle.read(min(length, 22)), head[8:12] == b"AIFC", name)
        elif kind == b"SSND":
            if not promised:
                raise refusal(name, "is damaged: its sound comes before the description of its format")
            offset = int.from_bytes(handle.read(4), "big")
            _check_inside(promised, min(length - 8, size - position - 16) - offset, name)
            return
        position += 8 + length + length % 2
    raise refusal(name, "is an AIFF without sound: its header is cut short or damaged", COPY)


def _aiff_bytes(body: bytes, compressed: bool, name: str) -> int:
    """Of all samples."""
    if len(body) < (22 if compressed else 18):
        raise refusal(name, "is damaged: its format description is cut short", COPY)
    channels, frames, bits = struct.unpack(">HIH", body[:8])
    coding = body[18:22] if compressed else b"NONE"
    if bits not in _AIFC.get(coding, ()):
        coding_shown = coding.decode("ascii", "replace").strip()
        raise refusal(
            name, f"is AIFF of the coding {coding_shown!r} with {bits} bits, which is not read. Read are {ALLOWED}"
        )
    if not channels or not frames:
        raise refusal(
            name, f"holds no sound: {channels} channels of {frames} samples by its header", "Give a recording."
        )
    return channels * frames * (1 if coding in _LAWS else bits // 8)


def open_caf(handle: Handle, size: int, name: str) -> Handle | View:
    """What libsndfile may read: the file, with the size of its samples where the header leaves it open.

    Raises:
      AudioError: unless the samples are of a coding on the list and inside the file.
    """
    position, described = 8, False
    for _ in range(MAX_CHUNKS):
        handle.seek(position)
        header = handle.read(12)
        if len(header) < 12:
            break
        kind, length = struct.unpack(">4sQ", header)
        if kind == b"desc":
            _check_caf_format(handle.read(32), name)
            described = True
        elif kind == b"data":
            if not described:
                raise refusal(name, "is damaged: its sound comes before the description of its format")
            found = size - position - 16
            _check_inside(found if length == _OPEN else length - 4, found, name)
            if length != _OPEN:
                return handle
            handle.seek(0)
            head = handle.read(position) + struct.pack(">4sQ", b"data", found + 4)
            return View(head, handle, position + 12, size)
        position += 12 + length
        if position > min(size, MAX_HEAD_BYTES):
            break
    raise refusal(name, "is a CAF without sound: its header is cut short or damaged", COPY)


def _check_caf_format(body: bytes, name: str) -> None:
    if len(body) < 32:
        raise refusal(name, "is damaged: its format description is cut short", COPY)
    _, coding, flags, packet_bytes, packet_frames, channels, bits = struct.unpack(">d4sIIIII", body)
    if bits not in _CAF.get(coding, ()) or (bits == 64 and not flags & 1):
        shown = coding.decode("ascii", "replace").strip()
        raise refusal(name, f"is CAF of the coding {shown!r} with {bits} bits, which is not read. Read are {ALLOWED}")
    if packet_frames != 1 or packet_bytes != channels * bits // 8:
        raise refusal(
            name, f"is damaged: {channels} channels of {bits} bits do not fill frames of {packet_bytes} bytes"
        )


def _check_inside(promised: int, found: int, name: str) -> None:
    if promised <= 0:
        raise refusal(name, "holds no sound: 0 bytes of it by its header", "Give a recording.")
    if promised > found:
        raise refusal(name, f"is cut short: it promises {promised} bytes of sound and has {max(0, found)}", COPY)
