"""Published files as sources of the conversion engine: names and shapes at once, numbers when they are asked for.

.safetensors       memory map
.pth .pt .bin      torch pickle, opened by torch's restricted unpickler only; needs the extra `convert`
          │
          ▼  nested dicts joined by dots; wrappings `model` `net` `generator` `state_dict` `module` taken off,
          │  training state beside them set aside; weight norm in its older spelling `weight_g` `weight_v`
          ▼
     {name: tensor} ── read(name) ──► float32
"""

import pathlib
import pickle
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from indextts2_jax.checkpoint.tensors import map_tensors
from indextts2_jax.errors import CheckpointError

from .layouts import Shape

PICKLES = (".pth", ".pt", ".bin")
WRAPPERS = ("model", "net", "generator", "state_dict", "module")
TRAINING_STATE = ("optim", "scheduler", "lr_scheduler", "ema", "scaler", "discriminator")
"""Beginnings of the keys under which trainers save more than the weights; only meant beside a wrapping."""

OLDEST_TORCH = (2, 10)  # before it, crafted files could get past the restricted unpickler (CVE-2026-24747)

_NEW_WEIGHT_NORM = re.compile(r"(.*)\.parametrizations\.weight\.original([01])")


class ComponentSource:
    """The tensors of one published file (a `convert.rules.Source`)."""

    def __init__(self, path: pathlib.Path, tensors: Mapping[str, Any], ignored: Mapping[str, str]):
        self.path = path
        self.shapes: Mapping[str, Shape] = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self.ignored = dict(ignored)
        """Tensors beside the weights, with the reason why they are not weights."""
        self._tensors = dict(tensors)

    def read(self, name: str) -> np.ndarray:
        """The tensor in float32.

        Raises:
          CheckpointError: it holds whole numbers, where a parameter is expected.
        """
        tensor = self._tensors[name]
        array = tensor if isinstance(tensor, np.ndarray) else _from_torch(self.path, name, tensor)
        if array.dtype.kind not in "fV":  # V: bfloat16, which numpy does not know as a float
            raise CheckpointError(f"{self.path}: tensor {name} holds {array.dtype}, not floating-point numbers.")
        with np.errstate(over="ignore"):  # what becomes infinite is refused by the engine
            return array.astype(np.float32, copy=False)

    def close(self) -> None:
        """Lets go of the file and its memory; the shapes stay."""
        self._tensors.clear()


class JoinedSource:
    """Several files that make up one component."""

    def __init__(self, parts: list[ComponentSource]):
        self.parts = parts
        self._owner = {name: part for part in parts for name in part.shapes}
        self.shapes: Mapping[str, Shape] = {name: part.shapes[name] for name, part in self._owner.items()}
        if len(self.shapes) != sum(len(part.shapes) for part in parts):
            raise CheckpointError(f"{' and '.join(str(part.path) for part in parts)} hold tensors of the same name.")
        self.ignored = {name: reason for part in parts for name, reason in part.ignored.items()}

    def read(self, name: str) -> np.ndarray:
        return self._owner[name].read(name)

    def close(self) -> None:
        for part in self.parts:
            part.close()


def open_component(path: pathlib.Path, *, prefix: str = "", bare: str = "") -> ComponentSource:
    """Opens one published file without reading its numbers.

    Args:
      prefix: put before every name that lacks it, where pickle and safetensors nest differently.
      bare: the name of the file's only tensor, if it holds one without a name or with another.
    Raises:
      CheckpointError: unreadable, damaged, refused, or torch is needed and absent or too old.
    """
    if path.suffix == ".safetensors":
        tree: Any = map_tensors(path)
    elif path.suffix in PICKLES:
        tree = _load_pickle(path)
    else:
        raise CheckpointError(f"{path}: only .safetensors, {', '.join(PICKLES)} files are read.")
    try:
        tree, beside = _unwrap(tree)
        found, ignored = _collect(path, tree, beside)
    except RecursionError:
        raise CheckpointError(f"{path} is nested too deeply to be a checkpoint.") from None
    if not found:
        raise CheckpointError(f"{path} holds no tensors.")
    if bare and len(found) == 1:
        found = dict.fromkeys([bare], *found.values())
    tensors: dict[str, Any] = {}
    for name, tensor in found.items():
        name = _older_spelling(name)
        name = name if name.startswith(prefix) else prefix + name
        if name in tensors:
            raise CheckpointError(f"{path}: two tensors are named {name}.")
        tensors[name] = tensor
    return ComponentSource(path, tensors, ignored)


def _unwrap(tree: Any) -> tuple[Any, dict[str, Any]]:
    """Takes off wrappings, from the outside in: (the weights, what stood beside them)."""
    beside: dict[str, Any] = {}
    while isinstance(tree, Mapping):
        wrapping = [key for key in WRAPPERS if isinstance(tree.get(key), Mapping)]
        if len(wrapping) != 1:
            break
        beside |= {str(key): value for key, value in tree.items() if key != wrapping[0]}
        tree = tree[wrapping[0]]
    return tree, beside


def _collect(path: pathlib.Path, tree: Any, beside: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """({name: tensor}, {name: reason} of the training state). What is neither stays among the tensors, unknown."""
    found: dict[str, Any] = {}
    for name, tensor in _leaves(tree):
        if name in found:
            raise CheckpointError(f"{path}: two tensors are named {name}.")
        found[name] = tensor
    found = _without_common_wrapper(found)
    ignored: dict[str, str] = {}
    for key, value in beside.items():
        for name, tensor in _leaves(value, key):
            if key.startswith(TRAINING_STATE):
                ignored[name] = "training state beside the weights"
            else:
                found[name] = tensor
    return found, ignored


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every tensor below `tree` with its dotted name; numbers and strings are passed over."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            name = str(key).removeprefix("module.")  # torch's data-parallel wrapper, per submodule in s2mel.pth
            yield from _leaves(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{prefix}.{index}" if prefix else str(index))
    elif hasattr(tree, "shape"):
        yield prefix, tree


def _without_common_wrapper(tensors: dict[str, Any]) -> dict[str, Any]:
    """Takes a wrapping off flat names, where all of them carry it."""
    for wrapper in WRAPPERS:
        if tensors and all(name.startswith(f"{wrapper}.") for name in tensors):
            shorter = {name.removeprefix(f"{wrapper}."): tensor for name, tensor in tensors.items()}
            return _without_common_wrapper(shorter)
    return tensors


def _older_spelling(name: str) -> str:
    found = _NEW_WEIGHT_NORM.fullmatch(name)
    return f"{found[1]}.weight_{'gv'[int(found[2])]}" if found else name


# --- torch ----------------------------------------------------------------------------------------------------


def _load_pickle(path: pathlib.Path) -> Any:
    """Restricted unpickling or nothing: there is no way around a refusal."""
    torch = _import_torch()
    try:
        with open(path, "rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"  # the older format cannot be mapped; campplus is small enough
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is refused: it is damaged or holds something other than tensors{_named_global(error)}, and such a "
            "file can run code. Get it from its publisher, or as safetensors."
        ) from None
    except Exception as error:  # torch reports damage as RuntimeError, EOFError, KeyError, AttributeError, ...
        reason = re.split(r"[.\n]", str(error))[0] or type(error).__name__
        raise CheckpointError(f"{path} is damaged or not a torch file: {reason}.") from None


def _import_torch() -> Any:
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f"Reading {', '.join(PICKLES)} files needs torch: pip install 'indextts2_jax[convert]', or put "
            "safetensors of the same names in their place."
        ) from None
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < OLDEST_TORCH:
        raise CheckpointError(
            f"torch {torch.__version__} cannot open pickles safely; "
            f"{'.'.join(map(str, OLDEST_TORCH))} or newer is needed: pip install 'indextts2_jax[convert]'."
        )
    return torch


def _named_global(error: Exception) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f" ({found[1]})" if found else ""


def _from_torch(path: pathlib.Path, name: str, tensor: Any) -> np.ndarray:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu" or tensor.is_complex():
        raise CheckpointError(f"{path}: tensor {name} is {tensor.dtype} {tensor.layout}, which is not supported.")
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
