"""Where a run starts: at random, or at what `init` names (an artefact or another run); what that says of itself."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from indextts2_jax.array_typing import Params
from indextts2_jax.checkpoint.artefact import TOKENIZER, read_header
from indextts2_jax.config import ModelConfig, to_dict
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.objectives.base import Objective
from indextts2_jax.training.partition import fingerprint, select
from indextts2_jax.training.runs import CONFIG, read_config
from indextts2_jax.training.state import load_network

BASE = "base.txt"


def initial_params(config: TrainConfig, objective: Objective) -> Params:
    """{"network", "heads"} before the first step.

    Raises:
      TrainingError: `config.init` has no such network, or one of other shapes. CheckpointError: a damaged artefact.
    """
    key = jax.random.key(config.seed)
    if not config.init:
        return objective.init(key)
    like = jax.eval_shape(objective.init, key)["network"]
    # the compiler drops the network's random numbers: 871 M of them would be drawn for nothing
    heads = jax.jit(lambda key: objective.init(key)["heads"])(key)
    return {"network": load_initial(config, like), "heads": heads}


def load_initial(config: TrainConfig, like: Params) -> Params:
    """The network that `config.init` names. Raises `TrainingError` where it is absent or of other shapes."""
    found = load_network(config.init, config.network)
    shapes = [jax.tree.map(lambda leaf: tuple(leaf.shape), tree) for tree in (found, like)]
    if shapes[0] != shapes[1]:
        raise TrainingError(f"{config.init} holds another {config.network} than config.model describes.")
    return found


def check_base(config: TrainConfig, objective: Objective, params: Params) -> None:
    """Notes in the run's folder which constant parameters it was begun with, or compares them with that note.

    Checkpoints do not hold them, so a run that goes on beside others would go wrong without a sound.

    Raises:
      TrainingError: they are others, or the folder cannot be written.
    """
    found = fingerprint(select(params, objective.constant))
    if not found:
        return
    path = pathlib.Path(config.output) / BASE
    try:
        if path.exists():
            if path.read_text().strip() != found:
                raise TrainingError(f"{config.output} was begun with other weights than those of {config.init}.")
        elif jax.process_index() == 0:
            with replaced_file(path) as new:
                new.write_text(f"{found}\n")
    except OSError as error:
        raise TrainingError(f"Cannot use {path}: {error.strerror or error}.") from None


def with_model(values: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration, as it is written, with its model: that of what `init` names where none is given.

    Raises:
      ConfigError: there is no model, and `init` has none either. CheckpointError: a damaged artefact.
    """
    if "model" not in values or values["model"]:
        return dict(values)
    return {**values, "model": to_dict(initial_model(values.get("init") or ""))}


def initial_model(init: str) -> ModelConfig:
    """The sizes of the model that `init` names.

    Raises:
      ConfigError: `init` is empty, or neither an artefact nor a run. CheckpointError: a damaged artefact.
    """
    if not init:
        raise ConfigError("model is empty, so init must be the artefact or the run whose model it is.")
    path = pathlib.Path(init)
    if _is_artefact(path):
        return read_header(path).model
    return _run(path, "model").model


def initial_tokenizer(init: str) -> pathlib.Path:
    """The tokenizer of the artefact that `init` names, or the one that the run it names was trained with.

    Raises:
      ConfigError: `init` is empty, or neither an artefact nor a run.
    """
    if not init:
        raise ConfigError("objective.tokenizer is empty, but it must be the front-end's file (tokenizer.model).")
    path = pathlib.Path(init)
    if _is_artefact(path):
        return path / TOKENIZER
    former = _run(path, "objective.tokenizer")
    return pathlib.Path(former.objective.get("tokenizer") or initial_tokenizer(former.init))


def _is_artefact(path: pathlib.Path) -> bool:
    return (path / "manifest.json").exists()


def _run(path: pathlib.Path, wanted: str) -> TrainConfig:
    if not (path / CONFIG).exists():
        raise ConfigError(f"{wanted} is empty and init is {str(path)!r}, which is neither an artefact nor a run.")
    return read_config(path)
