"""What each network is trained for. `objective(config, data)` builds the one that the configuration names."""

import dataclasses
import importlib
from typing import Any

from indextts2_jax.errors import ConfigError
from indextts2_jax.training.config import TrainConfig
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.objectives.base import Objective

NETWORKS = ("w2v_bert", "semantic_codec", "campplus", "gpt", "s2mel", "bigvgan")


def default_settings(network: str) -> dict[str, Any]:
    """Every setting of a network's objective, for configuration files: only what is there can be overridden."""
    module = importlib.import_module(f"indextts2_jax.training.objectives.{network}")
    return {field.name: field.default for field in dataclasses.fields(module.SETTINGS)}


def build_objective(config: TrainConfig, data: DataSet) -> Objective:
    """Raises `ConfigError` for a network that is not known or a setting that its objective does not have."""
    if config.network not in NETWORKS:
        raise ConfigError(f"network is {config.network!r}, but it must be one of {', '.join(NETWORKS)}.")
    module = importlib.import_module(f"indextts2_jax.training.objectives.{config.network}")
    return module.build(config, data)


__all__ = ["NETWORKS", "Objective", "build_objective", "default_settings"]
