"""Published files as sources of the conversion engine: names and shapes at once, numbers when they are asked for.

.safetensors       memory map
.pth .pt .bin      torch pickle, opened by torch's restricted unpickler only (`convert.pickles`); needs torch
          │
          ▼  nested dicts joined by dots; wrappings `model` `net` `generator` `state_dict` `module` taken off,
          │  whatever stands beside them set aside; weight norm in its older spelling `weight_g` `weight_v`
          ▼
     {name: tensor} ── read(name) ──► float32
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from indextts2_jax.checkpoint.tensors import map_tensors
from indextts2_jax.errors import CheckpointError

from . import pickles
from .layouts import Shape
from .small_files import shown

WRAPPERS = ("model", "net", "generator", "state_dict", "module")

_DEEPEST = 64
"""Dicts within dicts, in the weights."""
_MOST_NODES = 1_000_000
_LONGEST_NAME = 300

_NEW_WEIGHT_NORM = re.compile(r"(.*)\.parametrizations\.weight\.original([01])")
_POINTER = b"version https://git-lfs."


@dataclasses.dataclass(frozen=True)
class Beside:
    """Something in a file that is no part of the weights, and is left there."""

    name: str
    wrapping: str
    """The name of the weights that it stands beside; "" for weights without one."""
    tensors: int
    bytes: int
    """Of the tensors."""
    kind: str
    """What it is where it holds no tensors."""


class ComponentSource:
    """The tensors of one published file (a `convert.rules.Source`)."""

    def __init__(self, path: pathlib.Path, tensors: Mapping[str, Any], beside: list[Beside]):
        self.path = path
        self.shapes: Mapping[str, Shape] = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self.dtypes = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
        """The type of each tensor's numbers, as NumPy calls it."""
        self.beside = beside
        self._tensors = dict(tensors)

    def read(self, name: str) -> np.ndarray:
        """The tensor in float32.

        Raises:
          CheckpointError: it holds whole numbers, where a parameter is expected.
        """
        tensor = self._tensors[name]
        array = tensor if isinstance(tensor, np.ndarray) else pickles.to_numpy(self.path, name, tensor)
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
        self.dtypes = {name: part.dtypes[name] for name, part in self._owner.items()}
        self.beside = [one for part in parts for one in part.beside]

    def read(self, name: str) -> np.ndarray:
        return self._owner[name].read(name)

    def close(self) -> None:
        for part in self.parts:
            part.close()


def open_component(path: pathlib.Path, *, prefix: str = "", bare: str = "", wrapping: str = "") -> ComponentSource:
    """Opens one published file without reading its numbers.

    Args:
      prefix: put before every name that lacks it, where pickle and safetensors nest differently.
      bare: the name of the file's only tensor, if it holds one without a name or with another.
      wrapping: the publisher's wrapping, one of `WRAPPERS`, which counts where a file has several.
    Raises:
      CheckpointError: unreadable, damaged, refused, or torch is needed and absent or too old.
    """
    if path.suffix not in (".safetensors", *pickles.SUFFIXES):
        raise CheckpointError(f"{path}: only .safetensors, {', '.join(pickles.SUFFIXES)} files are read.")
    if is_pointer(path):
        raise CheckpointError(f"{path} is a pointer of Git LFS, not the file; run git lfs pull there.")
    tree = map_tensors(path) if path.suffix == ".safetensors" else pickles.load(path)
    tree, beside = _unwrap(path, tree, wrapping)
    found = _without_common_wrapper(_collect(path, tree))
    if not found:
        raise CheckpointError(f"{path} holds no tensors.")
    if bare and len(found) == 1:
        found = dict.fromkeys([bare], *found.values())
    tensors: dict[str, Any] = {}
    for name, tensor in found.items():
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise CheckpointError(f"{path}: a tensor is named {shown(name)}, which is no name.")
        name = _older_spelling(name)
        name = name if name.startswith(prefix) else prefix + name
        if name in tensors:
            raise CheckpointError(f"{path}: two tensors are named {name}.")
        tensors[name] = tensor
    return ComponentSource(path, tensors, beside)


def is_pointer(path: pathlib.Path) -> bool:
    """Whether Git LFS left its pointer in the file's place. Raises `CheckpointError` where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None


def _unwrap(path: pathlib.Path, tree: Any, wrapping: str) -> tuple[Any, list[Beside]]:
    """Takes off wrappings, from the outside in: (the weights, what stood beside them).

    Of a flat dictionary of tensors, what is neither a tensor nor holds one stands beside them too.

    Raises:
      CheckpointError: several wrappings, and none of them is the publisher's.
    """
    beside: list[Beside] = []
    for _ in range(_DEEPEST):
        if not isinstance(tree, Mapping):
            break
        found = [key for key in WRAPPERS if isinstance(tree.get(key), Mapping) and _measure(tree[key])[0]]
        if wrapping in found:
            found = [wrapping]
        if len(found) > 1:
            raise CheckpointError(f"{path} holds several sets of weights ({', '.join(found)}); leave one in it.")
        if not found:
            plain = {key: value for key, value in tree.items() if not _measure(value)[0]}
            beside += [_beside(key, "", value) for key, value in plain.items()]
            return {key: value for key, value in tree.items() if key not in plain or _is_array(value)}, beside
        beside += [_beside(key, found[0], value) for key, value in tree.items() if key != found[0]]
        tree = tree[found[0]]
    return tree, beside


def _beside(key: Any, wrapping: str, value: Any) -> Beside:
    tensors, size = _measure(value)
    counted = f" of {len(value)}" if isinstance(value, Mapping | list | tuple | set) else ""
    kind = value.kind if isinstance(value, pickles.Inert) else f"{type(value).__name__}{counted}"
    return Beside(shown(str(key), 60).strip("'\""), wrapping, tensors, size, kind)


def _measure(tree: Any) -> tuple[int, int]:
    """Number and bytes of all tensors at or below `tree`, each dictionary and list looked at once."""
    count = size = 0
    seen: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping | list | tuple | set):
            if id(node) not in seen:
                seen.add(id(node))
                stack.extend(node.values() if isinstance(node, Mapping) else node)
        elif hasattr(node, "shape"):
            count += 1
            size += int(node.size * node.itemsize if isinstance(node, np.ndarray) else node.numel() * node.itemsize)
    return count, size


def _is_array(value: Any) -> bool:
    return isinstance(value, pickles.Inert) and value.kind == pickles.ARRAY


def _collect(path: pathlib.Path, tree: Any) -> dict[str, Any]:
    """{name: tensor}. Raises `CheckpointError` for two of a name, and for weights that are no tensors."""
    found: dict[str, Any] = {}
    for name, tensor in _leaves(path, tree):
        if _is_array(tensor):
            raise CheckpointError(f"{path}: {shown(name)} is a NumPy array; save tensors, or safetensors.")
        if name in found:
            raise CheckpointError(f"{path}: two tensors are named {shown(name)[1:-1]}.")
        found[name] = tensor
    return found


def _leaves(path: pathlib.Path, tree: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor below `tree` with its dotted name; numbers, dates and strings are passed over."""
    stack: list[tuple[str, int, Any]] = [("", 0, tree)]
    nodes = 0
    while stack:
        prefix, depth, node = stack.pop()
        nodes += 1
        if depth > _DEEPEST or nodes > _MOST_NODES:
            raise CheckpointError(f"{path} is nested too deeply to be a checkpoint, or in circles.")
        children: list[tuple[Any, Any]] = []
        if isinstance(node, Mapping):  # torch's data-parallel wrapper stands per submodule in s2mel.pth
            children = [(str(key).removeprefix("module."), value) for key, value in node.items()]
        elif isinstance(node, list | tuple):
            children = list(enumerate(node))
        elif hasattr(node, "shape") or _is_array(node):
            yield prefix, node
        stack += [(f"{prefix}.{key}" if prefix else str(key), depth + 1, value) for key, value in reversed(children)]


def _without_common_wrapper(tensors: dict[str, Any]) -> dict[str, Any]:
    """Takes a wrapping off flat names, where all of them carry it."""
    while tensors:
        common = [f"{one}." for one in WRAPPERS if all(name.startswith(f"{one}.") for name in tensors)]
        if not common:
            break
        tensors = {name.removeprefix(common[0]): tensor for name, tensor in tensors.items()}
    return tensors


def _older_spelling(name: str) -> str:
    found = _NEW_WEIGHT_NORM.fullmatch(name)
    return f"{found[1]}.weight_{'gv'[int(found[2])]}" if found else name
