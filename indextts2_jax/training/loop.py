"""One training run: state, step, evaluation, checkpoints.

    order.at(step) ─► objective.batch ─► [accumulate, batch, ...] over the devices ─► step (jit) ─► metrics, state
                                                                            every so often ─► evaluate, save, plot

The step is data-parallel: the batch is split over all devices of all processes, parameters are replicated, and XLA
inserts the sums (`jax.sharding`). Everything depends on the configuration and the step number alone, so that a run
killed at any moment goes on from its last checkpoint as if nothing had happened. What an objective calls frozen is
neither differentiated nor known to the optimiser; what it calls constant is not averaged and not saved either.
"""

import pathlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from indextts2_jax.array_typing import Array, Int, Params, Shaped
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet, generator
from indextts2_jax.training.metrics import Metrics
from indextts2_jax.training.objectives import Objective, build_objective
from indextts2_jax.training.optimizer import build_optimizer
from indextts2_jax.training.partition import fill
from indextts2_jax.training.runs import write_config
from indextts2_jax.training.start import check_base, initial_params
from indextts2_jax.training.state import Checkpoints, TrainState, write_network
from indextts2_jax.training.step import build_step, moving, trained

BATCHES_AHEAD = 2


def run(config: TrainConfig, *, stop_at: int | None = None, show_bar: bool = True) -> Metrics:
    """Trains to `config.steps` (or stops, resumable, at `stop_at`) and writes the run's folder.

    Raises:
      ConfigError, TrainingError: settings, data or checkpoints that do not fit; a loss that is not finite.
    """
    folder = pathlib.Path(config.output)
    write_config(config)
    objective = build_objective(config, DataSet.open(config.data))
    mesh = Mesh(np.array(jax.devices()), ("data",))
    if config.batch_size // config.accumulate % mesh.size:
        raise ConfigError(
            f"batch_size / accumulate is {config.batch_size // config.accumulate}, but it must be a multiple of the "
            f"{mesh.size} devices."
        )
    optimizer = build_optimizer(config.optimizer, config.steps, objective.frozen, objective.side)
    state = jax.device_put(_initial(config, objective, optimizer), NamedSharding(mesh, PartitionSpec()))
    check_base(config, objective, state.params)
    checkpoints = Checkpoints(folder)
    if found := checkpoints.restore(_saved(state, objective)):
        state = found._replace(params=fill(found.params, state.params))
    report = Metrics(folder, int(state.step))
    train_step = build_step(config, objective, optimizer, mesh)
    evaluate = jax.jit(lambda params, batch, key: objective.loss(params, batch, key, False)[:2])
    first, last = int(state.step), min(config.steps, stop_at or config.steps)
    bar = _bar(config, first) if show_bar else None
    clock, logged = time.perf_counter(), first
    try:
        for step, batch in _batches(config, objective, mesh, range(first, last)):
            state, metrics = train_step(state, batch, step)
            done = step + 1
            save = done % config.save_every == 0 or done == last
            if save or done % config.log_every == 0:
                values = {name: float(value) for name, value in metrics.items()}
                for name in ("loss", "gradient_norm"):
                    if not np.isfinite(values[name]):
                        raise TrainingError(f"The {name} of step {done} is {values[name]}: lower the learning rate.")
                seconds = time.perf_counter() - clock
                values["utterances_per_s"] = (done - logged) * config.batch_size / seconds
                clock, logged = time.perf_counter(), done
                report.add(done, "train", values)
                if bar:
                    bar.set_postfix_str(f"loss {values['loss']:.4f}, {values['utterances_per_s']:.1f} utt/s")
            if bar:
                bar.update()
            if done % config.evaluate_every == 0 or done == config.steps:
                _evaluate(config, objective, mesh, evaluate, state, report, folder, done)
                clock, logged = time.perf_counter(), done
            if save:
                checkpoints.save(_saved(state, objective))
        if int(state.step) == config.steps and jax.process_index() == 0:
            write_network(folder / "last.safetensors", objective.finish(_on_host(averaged(state))))
    finally:
        checkpoints.close()
        if bar:
            bar.close()
    return report


def averaged(state: TrainState) -> Params:
    """The parameters to evaluate and export."""
    return fill(state.average, state.params) if state.average else state.params


def _on_host(params: Params) -> Params:
    """One process finishes the network: it must not compute with arrays that lie on the devices of all."""
    return jax.tree.map(np.asarray, params)


def _saved(state: TrainState, objective: Objective) -> TrainState:
    return state._replace(params=moving(state.params, objective))


def _initial(config: TrainConfig, objective: Objective, optimizer: optax.GradientTransformation) -> TrainState:
    params = initial_params(config, objective)
    average = jax.tree.map(jnp.copy, moving(params, objective)) if config.ema_decay else {}
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(trained(params, objective)), average)


def _batches(config: TrainConfig, objective: Objective, mesh: Mesh, steps: range) -> Iterator[tuple[int, Any]]:
    """The batches of the steps, made by a thread while the device works."""
    order = objective.order("train")
    waiting: queue.Queue[Any] = queue.Queue(BATCHES_AHEAD)
    closed = threading.Event()

    def produce() -> None:
        try:
            for step in steps:
                utterances = _own(order.at(step))
                rng = generator(config.seed, 2, step, jax.process_index())
                batch = objective.batch(utterances, rng, True)
                item = (step, _place(batch, mesh, config.accumulate))
                while not closed.is_set():
                    try:
                        waiting.put(item, timeout=0.5)
                        break
                    except queue.Full:
                        continue
                if closed.is_set():
                    return
            waiting.put(None)
        except BaseException as error:  # raised again by the consumer
            waiting.put(error)

    threading.Thread(target=produce, daemon=True).start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()


def _own(utterances: Int[np.ndarray, " B"]) -> Int[np.ndarray, " _"]:
    """This process's share of a batch."""
    return utterances.reshape(jax.process_count(), -1)[jax.process_index()]


def _place(batch: dict[str, Any], mesh: Mesh, parts: int) -> dict[str, Any]:
    """Host arrays [B, ...] -> arrays [parts, B / parts, ...] over the devices."""
    sharding = NamedSharding(mesh, PartitionSpec(None, "data"))

    def place(array: Shaped[np.ndarray, " B *rest"]) -> Shaped[Array, "_ _ *rest"]:
        return jax.make_array_from_process_local_data(sharding, array.reshape(parts, -1, *array.shape[1:]))

    return {name: place(np.asarray(array)) for name, array in batch.items()}


def _evaluate(
    config: TrainConfig,
    objective: Objective,
    mesh: Mesh,
    evaluate: Callable[..., Any],
    state: TrainState,
    report: Metrics,
    folder: pathlib.Path,
    step: int,
) -> None:
    """The same held-out batches with the same random numbers every time."""
    order, sums = objective.order("valid"), dict[str, float]()
    for number in range(config.valid_batches):
        batch = objective.batch(_own(order.at(number)), generator(config.seed, 3, number, jax.process_index()), False)
        placed = jax.tree.map(lambda x: x[0], _place(batch, mesh, 1))
        value, metrics = evaluate(averaged(state), placed, jax.random.key(number))
        for name, number_value in (metrics | {"loss": value}).items():
            sums[name] = sums.get(name, 0.0) + float(number_value) / config.valid_batches
    best = report.best()
    report.add(step, "valid", sums)
    if jax.process_index() == 0:
        report.plot()
        if sums["loss"] < best:
            write_network(folder / "best.safetensors", objective.finish(_on_host(averaged(state))))


def _bar(config: TrainConfig, first: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=config.steps, initial=first, unit="step", desc=config.network, mininterval=2.0)
