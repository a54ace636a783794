"""Finished runs: their configuration and their network."""

import json
import pathlib

from indextts2_jax.array_typing import Params
from indextts2_jax.config import to_dict
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.training.config import TrainConfig, train_config
from indextts2_jax.training.state import read_network

CONFIG = "config.json"


def write_config(config: TrainConfig) -> None:
    """Creates the run's folder and notes what it is a run of.

    Raises:
      TrainingError: the folder cannot be written, or holds a run of another network or model.
    """
    folder = pathlib.Path(config.output)
    if (folder / CONFIG).exists():
        former = read_config(folder)
        if (former.network, former.model) != (config.network, config.model):
            raise TrainingError(f"{folder} holds a run of another {former.network} model; choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replaced_file(folder / CONFIG) as new:
            new.write_text(json.dumps(to_dict(config), indent=1))
    except OSError as error:
        raise TrainingError(f"Cannot write the run's folder {folder}: {error.strerror or error}.") from None


def read_config(folder: pathlib.Path) -> TrainConfig:
    """Raises `TrainingError` where `folder` is no run."""
    try:
        return train_config(json.loads((folder / CONFIG).read_text()))
    except (OSError, ValueError, ConfigError) as error:
        raise TrainingError(f"{folder} is no training run ({error}).") from None


def load_run(folder: pathlib.Path, which: str = "last") -> tuple[TrainConfig, Params]:
    """The configuration and the `last` or `best` network of a run.

    Raises:
      TrainingError: no run, or it has not come so far.
    """
    return read_config(folder), read_network(folder / f"{which}.safetensors")
