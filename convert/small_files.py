"""The small files beside the weights: configurations and tokenizers, each read up to a size, whatever it holds.

Reading one takes a second and a few megabytes at most, and what is wrong is one `CheckpointError`.
"""

import json
import pathlib
from typing import Any

from indextts2_jax.errors import CheckpointError

LARGEST_YAML = 1 << 16  # bytes; the published one has 2,882, and PyYAML takes a second for this many
LARGEST_JSON = 1 << 20
LARGEST_TOKENIZER = 1 << 27

_LONGEST_WRITTEN_OUT = 4 * LARGEST_YAML  # characters of a YAML file in which every reference is written out


def read_yaml(path: pathlib.Path) -> dict[str, Any]:
    """A YAML file whose outermost value is a mapping.

    Raises:
      CheckpointError: unreadable, not YAML, or short in the file and endless where its references are followed.
    """
    try:
        import yaml
    except ImportError:
        raise CheckpointError(f"Reading {path.name} needs PyYAML: pip install 'indextts2_jax[convert]'.") from None
    try:
        loader = yaml.SafeLoader(read_bytes(path, LARGEST_YAML).decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is not None and _written_out(node, {}) > _LONGEST_WRITTEN_OUT:
            raise CheckpointError(f"{path} grows beyond all bounds where its references (*name) are written out.")
        value = None if node is None else loader.construct_document(node)
    except (
        yaml.YAMLError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        mark = getattr(error, "problem_mark", None)  # the others: scalars that are not of the type that they claim
        raise CheckpointError(f"{path} is not readable YAML{f' (line {mark.line + 1})' if mark else ''}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not the configuration of a published checkpoint.")
    return value


def _written_out(node: Any, sizes: dict[int, int]) -> int:
    """Characters below a node of YAML's graph with every reference written out; each node is looked at once.

    Raises:
      ValueError: a node that refers to itself.
    """
    key = id(node)
    if key in sizes:
        if sizes[key] < 0:
            raise ValueError("refers to itself")
        return sizes[key]
    sizes[key] = -1  # being measured
    if isinstance(node.value, str):
        size = 1 + len(node.value)
    else:
        children = [child for entry in node.value for child in (entry if isinstance(entry, tuple) else (entry,))]
        size = 1 + sum(_written_out(child, sizes) for child in children)
    sizes[key] = size
    return size


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """A JSON file whose outermost value is an object. Raises `CheckpointError`."""
    try:
        value = json.loads(read_bytes(path, LARGEST_JSON).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not readable JSON.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not the configuration of a published model.")
    return value


def read_text(path: pathlib.Path) -> str:
    """A text of the size of a configuration. Raises `CheckpointError`."""
    try:
        return read_bytes(path, LARGEST_JSON).decode("utf-8-sig")
    except ValueError:
        raise CheckpointError(f"{path} is not UTF-8.") from None


def read_bytes(path: pathlib.Path, largest: int) -> bytes:
    """The bytes of a file. Raises `CheckpointError` where it cannot be read or has more than `largest`."""
    try:
        with open(path, "rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None
    if len(data) > largest:
        raise CheckpointError(f"{path} is too large for what its name says: more than {largest:,} bytes.")
    return data


def shown(value: Any, longest: int = 80) -> str:
    """A value or name from a file, for one line of text: quoted, without control characters, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return f"a {type(value).__name__} with a number of too many digits"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
