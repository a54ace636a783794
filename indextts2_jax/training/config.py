"""The configuration of a training run: frozen dataclasses, as in `indextts2_jax/config`, built and checked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from indextts2_jax.config import ModelConfig, check_model, from_dict
from indextts2_jax.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    name: str = "adamw"  # or "muon": matrices by Muon (Jordan et al. 2024), the rest by AdamW
    learning_rate: float = 1e-3
    muon_rate: float = 0.02  # of the matrices
    warmup_steps: int = 100
    schedule: str = "linear"  # or "cosine", "constant": from the warm-up's end to `final_fraction` of the rate
    final_fraction: float = 0.0
    weight_decay: float = 0.01
    b1: float = 0.9
    b2: float = 0.98
    clip_norm: float = 1.0
    """Of all gradients together; of an adversarial objective's two sides each by itself."""
    other_rate: float = 1.0
    """Of what learns against the network (discriminators), as a share of `learning_rate`."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """One run: which network, on what, for how long."""

    network: str = "gpt"
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    """None or {} in a configuration file means that of `init`: `start.with_model` puts it in."""
    data: str = ""
    """A prepared data set (training/prepare.py)."""
    output: str = ""
    """The run's folder: checkpoints, metrics, plot, exported network."""
    init: str = ""
    """An artefact or a run to start from; empty: the modules' own random initialisation."""
    objective: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the network's objective; its dataclass in training/objectives/ lists them."""
    optimizer: OptimizerConfig = OptimizerConfig()
    batch_size: int = 16
    """Over all devices and micro-batches."""
    accumulate: int = 1
    """Micro-batches whose gradients are averaged for one step."""
    steps: int = 1000
    dtype: str = "float32"
    """Of the computation; parameters, gradients and statistics stay float32."""
    ema_decay: float = 0.999
    """Of the parameters that are evaluated and exported; 0 switches it off."""
    seed: int = 0
    log_every: int = 20
    evaluate_every: int = 200
    save_every: int = 200
    valid_batches: int = 8
    lora_rank: int = 0
    """Above 0: low-rank adapters of the GPT's matrices are trained, nothing else (training/lora.py)."""
    lora_alpha: float = 16.0
    """lora_alpha / lora_rank multiplies the adapters' product."""


def train_config(values: Mapping[str, Any]) -> TrainConfig:
    """A checked `TrainConfig`.

    Raises:
      ConfigError: a value out of range, naming the key; or a model that is empty still.
    """
    values = dict(values)
    if "model" in values and not values["model"]:
        raise ConfigError("model is empty: it must be the networks' sizes, and only a new run may leave it to init.")
    objective = values.pop("objective", {}) or {}
    if not isinstance(objective, Mapping):
        raise ConfigError(f"objective is {objective!r}, but it must be a group of keys.")
    config = dataclasses.replace(from_dict(TrainConfig, values), objective=dict(objective))
    check_model(config.model)
    _check(config)
    return config


def _check(config: TrainConfig) -> None:
    """Raises `ConfigError` for the first value out of range."""
    rules = {
        "optimizer.name": (config.optimizer.name in ("adamw", "muon"), "adamw or muon"),
        "optimizer.schedule": (
            config.optimizer.schedule in ("linear", "cosine", "constant"),
            "linear, cosine, constant",
        ),
        "optimizer.learning_rate": (config.optimizer.learning_rate > 0, "above 0"),
        "optimizer.muon_rate": (config.optimizer.muon_rate > 0, "above 0"),
        "optimizer.warmup_steps": (config.optimizer.warmup_steps >= 0, "0 or above"),
        "optimizer.final_fraction": (0 <= config.optimizer.final_fraction <= 1, "from 0 to 1"),
        "optimizer.weight_decay": (config.optimizer.weight_decay >= 0, "0 or above"),
        "optimizer.b1": (0 <= config.optimizer.b1 < 1, "from 0 to below 1"),
        "optimizer.b2": (0 <= config.optimizer.b2 < 1, "from 0 to below 1"),
        "optimizer.clip_norm": (config.optimizer.clip_norm > 0, "above 0"),
        "optimizer.other_rate": (config.optimizer.other_rate > 0, "above 0"),
        "dtype": (config.dtype in ("float32", "bfloat16", "float16"), "float32, bfloat16 or float16"),
        "steps": (config.steps > 0, "above 0"),
        "accumulate": (config.accumulate > 0, "above 0"),
        "batch_size": (
            config.batch_size > 0 and config.batch_size % max(config.accumulate, 1) == 0,
            "a multiple of accumulate",
        ),
        "seed": (0 <= config.seed < 2**32, "from 0 to 2**32 - 1"),
        "ema_decay": (0 <= config.ema_decay < 1, "from 0 to below 1"),
        "save_every": (config.save_every > 0, "above 0"),
        "evaluate_every": (config.evaluate_every > 0, "above 0"),
        "log_every": (config.log_every > 0, "above 0"),
        "valid_batches": (config.valid_batches > 0, "above 0"),
        "data": (bool(config.data), "the folder of a prepared data set"),
        "output": (bool(config.output), "a folder for the run"),
        "lora_rank": (
            config.lora_rank == 0 or (config.lora_rank > 0 and config.network == "gpt" and bool(config.init)),
            "0, or above 0 where the network is gpt and init names what is to be adapted",
        ),
        "lora_alpha": (config.lora_alpha > 0, "above 0"),
    }
    for key, (good, rule) in rules.items():
        if not good:
            value = getattr(config.optimizer if "." in key else config, key.rsplit(".", 1)[-1])
            raise ConfigError(f"{key} is {value!r}, but it must be {rule}.")
