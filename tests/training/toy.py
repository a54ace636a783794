"""An objective that compiles in a moment: mean log mel of a clip from its mean fbank. For tests of the loop itself.

Everything that a real one may use is there: numbers from the host's generator and from the key, frozen parameters, a
statistic that `update` moves in, a head.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.training.dataset import Order
from indextts2_jax.training.objectives.base import Defaults, Loss


class Toy(Defaults):
    def __init__(self, config: Any, data: Any) -> None:
        self.config, self.data, self.noise = config, data, config.objective.get("noise", 0.1)

    def init(self, key: Any) -> Any:
        kernel = 0.05 * jax.random.normal(key, (80, 80))
        dense = {"kernel": kernel, "bias": jnp.zeros(80)}
        network = {"dense": dense, "mean": jnp.zeros(80), "window": jnp.linspace(0.05, 0.15, 80)}
        return {"network": network, "heads": {"scale": jnp.ones(80)}}

    def order(self, split: str) -> Order:
        lengths = self.data.array("mel").lengths
        return Order(self.data.indices(split), lengths, self.config.batch_size, self.config.seed)

    def batch(self, utterances: np.ndarray, rng: np.random.Generator, training: bool) -> Any:
        means = [[self.data.array(name)[u].mean(0, np.float32) for u in utterances] for name in ("fbank", "mel")]
        x, y = np.stack(means[0]), np.stack(means[1])
        return {"x": x + self.noise * rng.standard_normal(x.shape, np.float32) if training else x, "y": y}

    def loss(self, params: Any, batch: Any, key: Any, training: bool) -> Loss:
        network, dtype = params["network"], jnp.dtype(self.config.dtype)
        noise = self.noise * jax.random.normal(key, batch["y"].shape) if training else 0.0
        x = ((batch["x"] - network["mean"][None] + noise) * network["window"][None]).astype(dtype)
        guess = x @ network["dense"]["kernel"].astype(dtype) + network["dense"]["bias"].astype(dtype)[None]
        error = guess.astype(jnp.float32) * params["heads"]["scale"][None] - batch["y"]
        return Loss(jnp.mean(error**2), {"distance": jnp.mean(jnp.abs(error))}, {"mean": batch["x"].mean(0)})

    def frozen(self, path: str) -> bool:
        return path in ("network/mean", "network/window")

    def update(self, params: Any, carried: Any) -> Any:
        network = params["network"]
        return {**params, "network": {**network, "mean": 0.9 * network["mean"] + 0.1 * carried["mean"]}}
