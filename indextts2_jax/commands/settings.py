"""--checkpoint, --config and --config.KEY=VALUE, which mean the same to every command that speaks.

    the checkpoint's own settings ◄─ what the file of --config gives ◄─ --config.KEY=VALUE ◄─ flags such as --redraw

What stands further right wins. What nobody gives stays as the checkpoint has it. Without any of them the bundled model
speaks.
"""

import sys
from typing import NamedTuple

from absl import flags

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import (
    SHORT_NAMES,
    Config,
    ModelConfig,
    check_fits,
    fitted,
    from_dict,
    replace,
    replace_dotted,
    to_dict,
)
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line

_CHANGES = "config_change"


class Chosen(NamedTuple):
    """What the flags choose; no weight has been looked at yet."""

    config: Config
    checkpoint: str
    """Name or folder; empty: random weights, as the configuration has them."""
    model: ModelConfig


def define(own: command_line.Flags, command: list[str], default: str | None = None) -> None:
    """Defines --checkpoint and --config; takes --config.KEY=VALUE out of `command`.

    Args:
      default: the name of a configuration that comes with the package, where nobody gives --config.
    """
    changes = _take_changes(command)
    usage = "Configuration file: settings instead of the checkpoint's own."
    command_line.define_config(own, command, default, usage)
    flags.DEFINE_string(
        "checkpoint", None, "Folder that `indextts2 convert` wrote, or demo: the bundled model.", flag_values=own
    )
    flags.DEFINE_multi_string(_CHANGES, changes, "KEY=VALUE; --config.KEY=VALUE is the same.", flag_values=own)


def _take_changes(command: list[str]) -> list[str]:
    """--config.KEY=VALUE, --config.KEY VALUE, --config.KEY and --noconfig.KEY as KEY=VALUE each."""
    changes, rest = [], iter(list(command))
    command.clear()
    for argument in rest:
        flag, equals, value = argument.partition("=")
        name = flag.lstrip("-")
        if not flag.startswith("-") or not name.startswith(("config.", "noconfig.")):
            command.append(argument)
        elif name.startswith("noconfig."):
            changes.append(f"{name.removeprefix('noconfig.')}=False")
        elif equals:
            changes.append(f"{name.removeprefix('config.')}={value}")
        else:
            following = next(rest, None)
            if following is None or following.startswith("--"):
                changes.append(f"{name.removeprefix('config.')}=True")
                command.extend([] if following is None else [following])
            else:
                changes.append(f"{name.removeprefix('config.')}={following}")
    return changes


def choose(own: command_line.Flags) -> Chosen:
    """The settings, and the checkpoint that they are for.

    Raises:
      ConfigError: no checkpoint, or settings that make no sense or go beyond its model. CheckpointError: it is none.
    """
    given = {} if own.config is None else own.config.to_dict()
    checkpoint = given.get("checkpoint") or "" if own.checkpoint is None else own.checkpoint
    if not checkpoint and (own.config is None or not own["config"].present):
        print(f"note: no --checkpoint is given, so the bundled model speaks ({bundled.NAME}).", file=sys.stderr)
        checkpoint = bundled.NAME
    random = bool(given.get("model"))
    if random == bool(checkpoint):
        raise ConfigError(
            "This configuration has random weights; --checkpoint cannot be given with it."
            if random
            else "--checkpoint is needed: the folder that `indextts2 convert` wrote, or demo for the bundled model."
        )
    if random:
        config = changed(own, Config())
        assert config.model is not None
        return Chosen(config, "", config.model)
    from indextts2_jax.checkpoint.header import read_header  # JAX takes a second

    header = read_header(bundled.resolve(checkpoint))
    config = changed(own, header.defaults or fitted(Config(), header.model), checkpoint=checkpoint)
    check_fits(config, header.model)
    return Chosen(config, checkpoint, header.model)


def changed(own: command_line.Flags, base: Config, **fixed: str) -> Config:
    """What the file of --config, --config.KEY=VALUE and the short flags make of a configuration. Raises `ConfigError`.

    Args:
      fixed: keys that have been decided, whatever the file says.
    """
    given = {} if own.config is None else own.config.to_dict()
    whole = to_dict(replace(base, **(given | fixed)))
    config = from_dict(Config, command_line.overridden(whole, getattr(own, _CHANGES) or ()))
    named = {setting: own[name].value for name, setting in SHORT_NAMES.items() if name in own}
    return replace_dotted(config, {setting: value for setting, value in named.items() if value is not None})
