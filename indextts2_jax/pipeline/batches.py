"""Rows of different lengths as batches of few shapes, on one device or divided among several.

Generation reads all weights for every code, whether of one segment or of eight, so that is where batches pay. One ends
when the last of its segments has: texts of similar length go together, and a batch is filled up to a power of two (rows
that are thrown away cost little there). Behind it the work grows with the frames; batches are of segments of the same
sizes, and split into powers of two rather than filled up. So few shapes are ever compiled. On a CPU each device takes
one row at a time there: eight rows of flow matching take a third longer than one row eight times, as they do not fit
into the caches.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.nn.buckets import bucket_size, pad_axis
from indextts2_jax.nn.platform import platform

T = TypeVar("T")


def rows(arrays: Sequence[np.ndarray], size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Arrays [n_i, ...] as one, [B, size, ...], zero-padded (by default to the longest one's bucket); their lengths."""
    lengths = np.array([len(array) for array in arrays], np.int32)
    size = size or bucket_size(int(lengths.max()))
    return np.stack([pad_axis(array, size) for array in arrays]), lengths


def filled(items: Sequence[T]) -> list[T]:
    """The items, and the first of them again until their number is a power of two."""
    return [*items, *[items[0]] * (2 ** (len(items) - 1).bit_length() - len(items))]


def slices(items: Sequence[T], at_once: int) -> Iterator[Sequence[T]]:
    """`at_once` of the items at a time, in order."""
    for first in range(0, len(items), at_once):
        yield items[first : first + at_once]


def alike(items: Sequence[T], sizes: Callable[[T], Hashable], at_once: int) -> Iterator[Sequence[T]]:
    """Batches of items of the same sizes, each of a power of two and of `at_once` at most."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(sizes(item), []).append(item)
    for group in groups.values():
        while group:
            size = 2 ** (min(len(group), at_once).bit_length() - 1)
            yield group[:size]
            group = group[size:]


def behind_decoder(params: Params, at_once: int) -> int:
    """The largest batch of what follows the decoder."""
    if platform() != "cpu":
        return at_once
    sharding = _sharding(params)
    return min(at_once, sharding.mesh.size) if sharding else 1


def spread(params: Params, devices: Sequence[jax.Device]) -> Params:
    """Parameters on several devices, whole on each: the rows of a batch are then divided among them."""
    mesh = jax.sharding.Mesh(np.array(devices), ("requests",))
    placed: Params = jax.device_put(params, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec()))
    return placed


def divided(params: Params, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rows of a batch on the devices of the parameters, where they come out even; else every device has all rows."""
    sharding = _sharding(params)
    if sharding is None:
        return arrays
    even = arrays[0].shape[0] % sharding.mesh.size == 0
    axes = jax.sharding.PartitionSpec(sharding.mesh.axis_names[0]) if even else jax.sharding.PartitionSpec()
    placed: tuple[Any, ...] = jax.device_put(arrays, jax.sharding.NamedSharding(sharding.mesh, axes))
    return placed


def _sharding(params: Params) -> jax.sharding.NamedSharding | None:
    """That of parameters on several devices."""
    sharding = jax.tree.leaves(params["gpt"])[0].sharding
    several = isinstance(sharding, jax.sharding.NamedSharding) and sharding.mesh.size > 1
    return sharding if several else None
