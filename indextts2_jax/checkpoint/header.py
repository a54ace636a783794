"""What an artefact says of itself: config.json, without a look at the weights."""

import dataclasses
import os
import pathlib
import stat
from collections.abc import Mapping
from typing import Any

from flax.traverse_util import flatten_dict

from indextts2_jax.checkpoint import digests
from indextts2_jax.config import SETTINGS, Config, ModelConfig, check_fits, from_dict, to_dict
from indextts2_jax.errors import CheckpointError, ConfigError

DTYPES = ("float32", "bfloat16", "float16")
CONFIG = "config.json"

_LARGEST_SIZE = 1_000_000
_LARGEST_COUNT = 256
_COUNTS = ("layers", "blocks", "depth", "block_layers", "vocos_layers", "regulator_layers", "wavenet_layers")


@dataclasses.dataclass(frozen=True)
class Header:
    """What an artefact says of itself, as of `checkpoint.Artefact`; `dtype` is that of the files."""

    model: ModelConfig
    dtype: str
    defaults: Config | None


LATER = ("gpt.style_dim", "gpt.languages", *(f"semantic_codec.{key}" for key in ("encoder", "decoder")))
LATER += ("semantic_codec.frames_per_code",)
"""Keys of a model that came with IndexTTS-2.5: written where they differ from IndexTTS-2's only, so that what was
known without them has the bytes, and the voices the model, that it always had."""


def stored(model: ModelConfig) -> dict[str, Any]:
    """A model's sizes as config.json holds them."""
    values, defaults = to_dict(model), to_dict(ModelConfig())
    for key in LATER:
        network, name = key.split(".")
        if values[network][name] == defaults[network][name]:
            del values[network][name]
    return dict(values)


def read_header(folder: str | os.PathLike[str]) -> Header:
    """What config.json says. No weight is looked at: `checkpoint.load_artefact` may still find the folder damaged.

    Raises:
      CheckpointError: no artefact, or a config.json that makes no sense.
    """
    folder = pathlib.Path(folder)
    return parse_config(folder, read_config(folder))


def read_config(folder: pathlib.Path) -> dict[str, Any]:
    """The values of config.json. Raises `CheckpointError` as `read_header` does."""
    try:
        there = stat.S_ISDIR(os.stat(folder).st_mode)
    except PermissionError as error:
        raise CheckpointError(f"Cannot read {folder}: {error.strerror or error}.") from None
    except (OSError, ValueError):  # absent, below a file, a name that no folder has
        there = False
    if not there:
        raise CheckpointError(f"There is no artefact at {folder}; make one with indextts2 convert.")
    return digests.read_json(folder, CONFIG)


def parse_config(folder: pathlib.Path, config: dict[str, Any]) -> Header:
    """What the values of config.json mean. Raises `CheckpointError` as `read_header` does."""
    path = folder / CONFIG
    dtype = config.get("dtype")
    if dtype not in DTYPES:
        raise CheckpointError(f"{path}: dtype is {dtype!r}, but it must be one of {', '.join(DTYPES)}.")
    try:
        model = from_dict(ModelConfig, config.get("model"), "model")
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    for name, value in flatten_dict(to_dict(model), sep=".").items():
        limit = _LARGEST_COUNT if name.rsplit(".", 1)[-1] in _COUNTS else _LARGEST_SIZE
        if any(not 0 <= number <= limit for number in _numbers(value)):
            raise CheckpointError(f"{path}: model.{name} is {value!r}, which makes no sense.")
    if "defaults" not in config:
        return Header(model, dtype, None)
    try:
        return Header(model, dtype, _defaults(config["defaults"], model))
    except ConfigError as error:
        raise CheckpointError(f"{path}: defaults: {error}") from None


def _defaults(values: Any, model: ModelConfig) -> Config:
    """Raises `ConfigError`."""
    unknown = sorted(set(values) - set(SETTINGS)) if isinstance(values, Mapping) else []
    if unknown:
        raise ConfigError(f"{unknown[0]} is no setting; known: {', '.join(SETTINGS)}.")
    defaults = from_dict(Config, values)
    check_fits(defaults, model)
    return defaults


def _numbers(value: Any) -> list[int]:
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int) else []
