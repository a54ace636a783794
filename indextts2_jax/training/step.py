"""One training step: gradients of a batch, then the optimiser.

    gradients (jit, compiled for every shape of a batch, and anew where the objective gains terms)
      ─► apply (jit, compiled once: Muon's is the larger program)

What an objective calls frozen is neither differentiated nor known to the optimiser; what it calls constant is not
averaged either.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from indextts2_jax.array_typing import Array, Float, Int, Key, Params
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.objectives import Objective
from indextts2_jax.training.partition import fill, select
from indextts2_jax.training.state import TrainState

Step = Callable[[TrainState, Any, int], tuple[TrainState, dict[str, Array]]]


def moving(params: Params, objective: Objective) -> Params:
    """All but the constant parameters."""
    return select(params, lambda path: not objective.constant(path))


def trained(params: Params, objective: Objective) -> Params:
    """All but the frozen parameters."""
    return select(params, lambda path: not objective.frozen(path))


def build_step(config: TrainConfig, objective: Objective, optimizer: optax.GradientTransformation, mesh: Mesh) -> Step:
    """`step(state, batch, number) -> (state, metrics)`; the batch is [accumulate, batch, ...], the state is donated.

    `number` is the step's: that of the state, which is not waited for.
    """

    def gradients(own: Objective, params: Params, index: Int[Array, ""], batch: Any) -> tuple[Params, Any]:
        def loss(part: Params, params: Params, batch: Any, key: Key[Array, ""]) -> tuple[Float[Array, ""], Any]:
            value, metrics, carried = own.loss(fill(part, params), batch, key, True)
            return value, (metrics | {"loss": value}, carried)

        part, key = trained(params, objective), jax.random.fold_in(jax.random.key(config.seed), index)

        def micro(number: Int[Array, ""], rows: Any) -> tuple[Params, Any]:
            return jax.grad(loss, has_aux=True)(part, params, rows, jax.random.fold_in(key, number))

        def add(total: Params, inputs: Any) -> tuple[Params, Any]:
            found, aux = micro(*inputs)
            return jax.tree.map(jnp.add, total, found), aux

        if config.accumulate == 1:  # no loop: within loops XLA's CPU backend has slow convolutions only
            return micro(jnp.zeros((), jnp.int32), jax.tree.map(lambda x: x[0], batch))
        zeros = jax.tree.map(jnp.zeros_like, part)
        total, (metrics, carried) = jax.lax.scan(add, zeros, (jnp.arange(config.accumulate), batch))
        aux = jax.tree.map(lambda x: x.mean(0), metrics), objective.merge(carried)
        return jax.tree.map(lambda g: g / config.accumulate, total), aux

    def apply(state: TrainState, found: Params, carried: Any) -> tuple[TrainState, Float[Array, ""]]:
        part = trained(state.params, objective)
        updates, memory = optimizer.update(found, state.optimizer, part)
        params = objective.update(fill(optax.apply_updates(part, updates), state.params), carried)
        done = state.step + 1
        # a short memory at first, or the average would hold on to the random start
        decay = jnp.minimum(config.ema_decay, (1 + done) / (10 + done))
        average = state.average
        if average:
            average = jax.tree.map(lambda a, p: a + (p - a) * (1 - decay), average, moving(params, objective))
        return TrainState(done, params, memory, average), optax.tree.norm(found)

    # the same placement for all results: with another one the second step would be compiled again
    everywhere = NamedSharding(mesh, PartitionSpec())
    gradients_of = jax.jit(gradients, static_argnums=0, out_shardings=everywhere)
    applied = jax.jit(apply, donate_argnums=(0,), out_shardings=everywhere)

    def step(state: TrainState, batch: Any, number: int) -> tuple[TrainState, dict[str, Array]]:
        found, (metrics, carried) = gradients_of(objective.at(number), state.params, state.step, batch)
        state, norm = applied(state, found, carried)
        return state, metrics | {"gradient_norm": norm}

    return step
