"""Torch pickles, opened by torch's restricted unpickler only: no code of a file is ever run.

Trainers save more than tensors: dates, NumPy scalars, random states. Their names are allowed, one by one, but mean a
stand-in that keeps nothing: none of it is needed, and NumPy's own functions trust what they are given (a crafted
`dtype` reads memory as it likes). Every other name is refused.
"""

import pathlib
import pickle
import re
import warnings
import zipfile
from typing import Any

import numpy as np

from indextts2_jax.errors import CheckpointError

SUFFIXES = (".pth", ".pt", ".bin")

OLDEST_TORCH = (2, 10)  # before it, crafted files could get past the restricted unpickler (CVE-2026-24747)


class Inert:
    """What stands in a pickle for something that is no tensor: its kind, nothing of its contents."""

    kind = "object"

    def __new__(cls, *args: object) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *args: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __repr__(self) -> str:
        return self.kind


def _named(path: str, kind: str) -> tuple[type[Inert], str]:
    return type(kind.replace(" ", "_"), (Inert,), {"kind": kind}), path


ARRAY = "numpy array"
ALLOWED = [
    _named(path, kind)
    for kind, paths in {
        "date": ("datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone"),
        "number": ("decimal.Decimal", "fractions.Fraction"),
        "bytes": ("builtins.bytes",),
        "set": ("builtins.frozenset",),
        "numpy scalar": ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
        "numpy dtype": ("numpy.dtype",),
        ARRAY: ("numpy.ndarray", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
        "random state": (
            "random.Random",
            "numpy.random._pickle.__randomstate_ctor",
            "numpy.random._pickle.__generator_ctor",
            "numpy.random._pickle.__bit_generator_ctor",
            "numpy.random._mt19937.MT19937",
            "numpy.random._pcg64.PCG64",
            "numpy.random._pcg64.PCG64DXSM",
            "numpy.random._philox.Philox",
            "numpy.random._sfc64.SFC64",
            "numpy.random.bit_generator.SeedSequence",
            "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
        ),
    }.items()
    for path in paths
]
"""What a pickle may name beside what torch itself allows (tensors, ordered dictionaries, sets, complex numbers)."""


def load(path: pathlib.Path) -> Any:
    """The tree of a pickle; tensors are views into the file where its format allows.

    Raises:
      CheckpointError: unreadable, damaged or refused, for which there is no way around; torch is absent or too old.
    """
    torch = _import_torch()
    try:
        with open(path, "rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"  # the older format cannot be mapped; campplus is small enough
        if zipped and zipfile.is_zipfile(path):
            _check_stored(path)
        with torch.serialization.safe_globals(ALLOWED), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is refused in the next line, or does not concern a converter
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is refused: it is damaged or holds something other than tensors{_what(error)}, and such a "
            "file can run code. Get it from its publisher, or as safetensors."
        ) from None
    except Exception as error:  # torch reports damage as RuntimeError, EOFError, KeyError, AttributeError, ...
        reason = re.split(r"[.\n]", str(error))[0][:200] or type(error).__name__
        raise CheckpointError(f"{path} is damaged or not a torch file: {reason}.") from None


def _check_stored(path: pathlib.Path) -> None:
    """Torch packs nothing, so a file that is packed could be any size. Raises `CheckpointError`."""
    with zipfile.ZipFile(path) as file:
        packed = any(one.compress_type != zipfile.ZIP_STORED for one in file.infolist())
    if packed:
        raise CheckpointError(f"{path} is a compressed archive; unpack what is in it.")


def _import_torch() -> Any:
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f"Reading {', '.join(SUFFIXES)} files needs torch: pip install 'indextts2_jax[convert]', or put "
            "safetensors of the same names in their place."
        ) from None
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < OLDEST_TORCH:
        raise CheckpointError(
            f"torch {torch.__version__} cannot open pickles safely; "
            f"{'.'.join(map(str, OLDEST_TORCH))} or newer is needed: pip install 'indextts2_jax[convert]'."
        )
    return torch


def _what(error: Exception) -> str:
    """The name that torch refuses, as far as it says one."""
    if "Unsupported operand" in str(error):
        return " (instructions of another pickle protocol than 2, which torch.save uses)"
    found = re.search(r"GLOBAL ([\w.<>]{1,100})", str(error))
    return f" ({found[1]})" if found else ""


def to_numpy(path: pathlib.Path, name: str, tensor: Any) -> np.ndarray:
    """A torch tensor's numbers; floating-point ones in float32. Raises `CheckpointError`."""
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu" or tensor.is_complex():
        raise CheckpointError(f"{path}: tensor {name} is {tensor.dtype} {tensor.layout}, which is not supported.")
    tensor = tensor.detach()
    array: np.ndarray = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return array
