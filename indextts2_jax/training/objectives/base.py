"""What the training loop asks of an objective.

    batch(utterances, rng) ──► arrays on the host ──► loss(params, arrays, key) ──► (loss, metrics, carried)
                                                      update(params, carried) after the optimiser's step

`params` is {"network": the parameters that synthesis uses, "heads": what only training needs}.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import flax.linen as nn
import jax
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Key, Params, Shaped
from indextts2_jax.training.dataset import DataSet, Order

Batch = dict[str, Any]


class Loss(NamedTuple):
    value: Float[Array, ""]
    metrics: dict[str, Float[Array, ""]]
    carried: Any = None
    """Statistics of the batch that `update` moves into the parameters (running means, codes in use)."""


@runtime_checkable
class Objective(Protocol):
    data: DataSet

    def init(self, key: Key[Array, ""]) -> Params:
        """{"network", "heads"} at random."""
        ...

    def order(self, split: str) -> Order:
        """The order in which the utterances of "train" or "valid" are read."""
        ...

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Batch:
        """Host arrays of one batch, the utterances along axis 0. Not `training`: no augmentation, a loss to compare."""
        ...

    def at(self, step: int) -> "Objective":
        """Whose loss is trained by at a step: itself, or one with fewer terms that is compiled for the steps before."""
        ...

    def loss(self, params: Params, batch: Batch, key: Key[Array, ""], training: bool) -> Loss:
        """Traced: the loss and what to log. Metrics are means over the batch."""
        ...

    def frozen(self, path: str) -> bool:
        """Whether the parameter at "network/…" or "heads/…" is data that the optimiser must leave alone."""
        ...

    def constant(self, path: str) -> bool:
        """Whether not even `update` moves the parameter, and `config.init` gives it again: not averaged, not saved."""
        ...

    def side(self, path: str) -> str:
        """Whose loss moves the parameter, where several play against each other: their gradients are clipped apart."""
        ...

    def update(self, params: Params, carried: Any) -> Params:
        """Traced: the parameters after the optimiser's step, with the batch's statistics moved in."""
        ...

    def merge(self, carried: Any) -> Any:
        """Traced: what several micro-batches have carried, stacked along axis 0, as one batch would have."""
        ...

    def finish(self, params: Params) -> Params:
        """The network to export, after the last step; may read the data set."""
        ...


class Defaults:
    """The plain case of everything that only some objectives need."""

    def at(self, step: int) -> Any:
        return self

    def frozen(self, path: str) -> bool:
        return False

    def constant(self, path: str) -> bool:
        return False

    def side(self, path: str) -> str:
        return ""

    def update(self, params: Params, carried: Any) -> Params:
        return params

    def merge(self, carried: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.mean(0), carried)

    def finish(self, params: Params) -> Params:
        return params["network"]


def apply(module: nn.Module, params: Params, *inputs: Any, method: str | None = None) -> Any:
    """`module.apply`, typed: what Flax declares also covers the case of changed variables."""
    return module.apply({"params": params}, *inputs, method=method)


def crop_starts(lengths: Int[np.ndarray, " B"], size: int, rng: np.random.Generator) -> Int[np.ndarray, " B"]:
    """Where to cut `size` frames out of sequences of the given lengths; 0 for shorter ones."""
    return (rng.random(len(lengths)) * (np.maximum(lengths - size, 0) + 1)).astype(np.int64)


def another(same: Int[np.ndarray, " U"], utterance: int, rng: np.random.Generator) -> int:
    """One of the utterances `same` (ascending, all of one speaker), but not `utterance` if there is another."""
    choice = int(same[rng.integers(len(same))])
    if choice == utterance and len(same) > 1:
        choice = int(same[(np.searchsorted(same, utterance) + 1) % len(same)])
    return choice


def cut(
    array: Shaped[np.ndarray, " _ *rest"], start: int | np.integer, size: int, fill: float = 0.0
) -> Shaped[np.ndarray, " {size} *rest"]:
    """array[start : start + size], padded behind to `size`."""
    part = np.asarray(array[start : start + size])
    if len(part) == size:
        return part
    return np.pad(part, [(0, size - len(part))] + [(0, 0)] * (part.ndim - 1), constant_values=fill)
