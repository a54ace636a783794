"""Safetensors files as memory maps (reading) and as streams (writing).

    8 bytes   length of the header, little endian
    header    JSON: name -> dtype, shape, data_offsets; padded with spaces so that the tensors start on a boundary
    tensors   back to back, as the format demands; those that fill whole 64-byte units first, so that they stay aligned

The safetensors package parses and validates every header. Its numpy reader copies each tensor and its writer wants
them all at once; here a reader gets views into one read-only map, which JAX on a CPU takes over without a copy when
they are aligned, and a writer holds one tensor at a time.
"""

import hashlib
import json
import mmap
import os
import pathlib
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from indextts2_jax.errors import CheckpointError

ALIGNMENT = 64
"""Bytes; what XLA's CPU client asks of a buffer that it borrows."""

_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class Spec(NamedTuple):
    """What a tensor looks like before it exists."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize


class Digest(NamedTuple):
    """Size in bytes and SHA-256 (lower-case hexadecimal) of a file."""

    size: int
    sha256: str


def map_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Read-only views of all tensors by name; the numbers are read from the disk when they are looked at.

    Raises:
      CheckpointError: unreadable, not a safetensors file, truncated, or a tensor of a type numpy lacks.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.offset_keys()}
            kinds = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
            del slices
        with open(path, "rb") as file:
            (header,) = struct.unpack("<Q", file.read(8))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (SafetensorError, OSError, ValueError, struct.error) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}.") from None
    views, offset = {}, 8 + header
    for name, (kind, shape) in kinds.items():
        if kind not in _DTYPES:
            raise CheckpointError(f"{path}: tensor {name} has the type {kind}, which is not supported.")
        spec = Spec(shape, _DTYPES[kind])
        views[name] = np.frombuffer(mapped, spec.dtype, spec.size, offset).reshape(shape)
        offset += spec.nbytes
    if offset != len(mapped):
        raise CheckpointError(f"{path} has {len(mapped)} bytes, but its header speaks of {offset}.")
    return views


def release_pages(views: Iterable[np.ndarray]) -> None:
    """Takes the pages of whole files, of which these are views, out of the process's memory; they stay readable."""
    advice = getattr(mmap, "MADV_DONTNEED", None)
    for view in views:
        owner: Any = view
        while isinstance(owner, np.ndarray | memoryview):
            owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if isinstance(owner, mmap.mmap) and advice is not None:  # never memory of another kind: that would be lost
            owner.madvise(advice)


def write_tensors(path: pathlib.Path, specs: Mapping[str, Spec], build: Callable[[str], np.ndarray]) -> Digest:
    """Writes a new file and flushes it to the disk; `build(name)` is asked for one tensor at a time.

    Raises:
      OSError: as the disk does. FileExistsError: there is such a file.
    """
    order = sorted(specs, key=lambda name: (specs[name].nbytes % ALIGNMENT != 0, name))
    header, offset = {}, 0
    for name in order:
        end = offset + specs[name].nbytes
        kind, shape = _NAMES[specs[name].dtype], list(specs[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    digest = hashlib.sha256()
    with open(path, "xb") as file:
        for part in (struct.pack("<Q", len(text)), text):
            file.write(part)
            digest.update(part)
        for name in order:
            array = build(name)
            if (array.shape, array.dtype) != specs[name]:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, announced as {specs[name]}")
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            file.write(data)
            digest.update(data)
        file.flush()
        os.fsync(file.fileno())
        return Digest(file.tell(), digest.hexdigest())


def write_bytes(path: pathlib.Path, data: bytes) -> Digest:
    """Writes a new small file and flushes it to the disk. Raises OSError."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Digest(len(data), hashlib.sha256(data).hexdigest())


def digest_file(path: pathlib.Path) -> Digest:
    """Hashes a file without keeping it in memory. Raises OSError."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Digest(file.tell(), sha256)
