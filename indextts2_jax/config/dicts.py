"""Configurations as nested dicts and back; unknown keys and values of another type are named in `ConfigError`s."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from indextts2_jax.errors import ConfigError

T = TypeVar("T")


def to_dict(config: Any) -> Any:
    """Nested dataclasses -> nested dicts of JSON values (tuples become lists)."""
    if dataclasses.is_dataclass(config):
        return {field.name: to_dict(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, list | tuple):
        return [to_dict(item) for item in config]
    return config


def from_dict(kind: type[T], data: Any, where: str = "") -> T:
    """Nested dicts -> the dataclass `kind`; missing keys take their defaults, unknown ones are errors."""
    return typing.cast(T, _build(kind, data, where))


def _build(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        return None if data is None else _build(options[0], data, where)
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise ConfigError(f"{where} is {data!r}, but it must be a list.")
        return tuple(_build(typing.get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if dataclasses.is_dataclass(kind):
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where or 'the configuration'} is {data!r}, but it must be a group of keys.")
        fields = typing.get_type_hints(kind)
        prefix = f"{where}." if where else ""
        unknown = sorted(set(data) - set(fields))
        if unknown:
            raise ConfigError(f"Unknown configuration key {prefix}{unknown[0]}; known: {', '.join(fields)}.")
        return kind(**{name: _build(fields[name], data[name], prefix + name) for name in data})  # type: ignore[operator]
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise ConfigError(f"{where} is {data!r}, but it must be {'an' if kind is int else 'a'} {kind.__name__}.")
    return data


def replace(config: T, **updates: Any) -> T:
    """`replace(config, decode={"num_beams": 1}, flow={"steps": 10})`: a copy with some keys changed, checked."""
    merged = to_dict(config)
    for key, value in updates.items():
        merged[key] = (
            {**merged[key], **value} if isinstance(value, Mapping) and isinstance(merged.get(key), dict) else value
        )
    return from_dict(type(config), merged)


def replace_dotted(config: T, changes: Mapping[str, Any]) -> T:
    """`replace_dotted(config, {"decode.num_beams": 1, "flow.steps": 10})`: the same by the full names of the keys."""
    values = to_dict(config)
    for key, value in changes.items():
        *groups, name = key.split(".")
        place = values
        for group in groups:
            place = place.get(group) if isinstance(place, dict) else None
        if not isinstance(place, dict) or name not in place:
            raise ConfigError(f"There is no setting {key!r}.")
        place[name] = value
    return from_dict(type(config), values)
