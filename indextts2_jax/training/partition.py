"""Parts of a parameter tree: what is trained, what moves at all.

    params  {"network": {"a": A, "b": B}}          select(params, lambda path: path == "network/a")
    part    {"network": {"a": A, "b": hole}}       fill(part, params) == params

A hole is a node without leaves (`optax.MaskedNode`, which optax itself puts there), so `jax.grad`, `jax.tree.map`,
optimisers and checkpoints pass over it, and the tree keeps its shape: nothing is computed or stored for what is left
out.
"""

import zlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from indextts2_jax.array_typing import Params


def select(params: Params, chosen: Callable[[str], bool]) -> Params:
    """The leaves whose path ("network/dit/merge/kernel") is chosen, and holes for the others."""
    part: Params = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf if chosen(path_name(path)) else optax.MaskedNode(), params
    )
    return part


def fill(part: Params, params: Params) -> Params:
    """`part` with the leaves of `params` in its holes."""
    whole: Params = jax.tree.map(lambda own, other: other if _is_hole(own) else own, part, params, is_leaf=_is_hole)
    return whole


def fingerprint(part: Params) -> str:
    """Eight hexadecimal digits that depend on every bit of the leaves; "" where there are none."""
    value, leaves = 0, jax.tree.leaves(part)
    for leaf in leaves:
        value = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).data, value)
    return f"{value:08x}" if leaves else ""


def _is_hole(node: Any) -> bool:
    return isinstance(node, optax.MaskedNode)


def path_name(path: tuple[Any, ...]) -> str:
    """ "network/dit/merge/kernel" """
    return jax.tree_util.keystr(path, simple=True, separator="/")
