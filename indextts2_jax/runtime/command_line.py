"""The one parser of flags: every command of the project is a function of parsed flags, run by `run`.

    arguments ── define ──► flags of its own ── parse ──► work(flags) ──► exit code

What is wrong becomes one line on standard error and the exit code 2; Ctrl-C and SIGTERM one line and 130 and 143.
"""

import contextlib
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from absl import flags
from ml_collections import ConfigDict, config_flags

from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import streams
from indextts2_jax.runtime.process import tidily

Flags: TypeAlias = flags.FlagValues
Define: TypeAlias = Callable[[Flags, list[str]], None]

CONFIG_FLAGS = ("config", "defaults")
"""The flags that take a configuration file."""


def run(
    work: Callable[[Flags], int | None],
    define: Define,
    usage: str | None,
    arguments: Sequence[str] | None = None,
    names: list[str] | None = None,
    lines: bool = False,
) -> int:
    """Parses a command line and does the work.

    Args:
      work: gets the parsed flags; may raise `IndexTTSError`; returns the exit code, None for 0.
      define: defines the flags on values of their own (not absl's global ones: several commands have flags of the same
        names), given the whole command too, which `define_config` asks for.
      usage: what --help prints above the flags.
      arguments: without the program's name; by default those of the process.
      names: gets what stands beside the flags, before `work` is called; None where nothing may.
      lines: an error may have several lines, one a fault; else it is put on one.
    Returns:
      The exit code: that of `work`, 2 after an error on stderr, 128 and its number after a signal.
    """

    def parse_and_work() -> int:
        command = ["", *map(_packaged, sys.argv[1:] if arguments is None else arguments)]
        own = Flags()
        define(own, command)
        if {"--help", "-h"} & set(command):
            with streams.until_closed():
                print(usage or "", own.get_help(), sep="\n")
            return 0
        rest = _parse(own, command)
        if names is not None:
            names.extend(rest)
        elif rest:
            raise ConfigError(f"Unexpected argument {rest[0]!r}; quote what has spaces in it, and see --help.")
        return work(own) or 0

    return tidily(parse_and_work, lines)


def define_config(own: Flags, command: list[str], default: str | None, usage: str, name: str = "config") -> None:
    """Defines --config=FILE and --config.KEY=VALUE.

    Args:
      default: the name of a configuration that comes with the package; None where there is none.
      name: of the flag; one of `CONFIG_FLAGS`.
    """
    path = None if default is None else str(config_folder() / f"{default}.py")
    with _config_errors(command):  # overrides of the default are tried at once
        config_flags.DEFINE_config_file(name, path, usage, flag_values=own, sys_argv=command)


def overridden(values: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The same settings after changes such as "decode.num_beams=1", each of the type that its key has.

    Raises:
      ConfigError: a key that does not exist, or a value of another type.
    """
    command = ["", *(f"--config.{change}" for change in changes)]
    own = Flags()
    with _config_errors(command):
        config_flags.DEFINE_config_dict("config", ConfigDict(values), flag_values=own, sys_argv=command)
        own(command)
    changed: dict[str, Any] = own.config.to_dict()
    return changed


def config_folder() -> pathlib.Path:
    """Where the configurations lie that come with the package: inside it when installed, beside it in a checkout."""
    package = pathlib.Path(__file__).resolve().parent.parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def _packaged(argument: str) -> str:
    """--config=configs/demo.py means the one that comes with the package where the working folder has no such file."""
    flag, equals, value = argument.partition("=")
    if not equals or flag.lstrip("-") not in CONFIG_FLAGS:
        return argument
    name, colon, part = value.partition(":")
    path = pathlib.Path(name)
    own = config_folder() / path.name
    if path.parent != pathlib.Path("configs") or path.exists() or not own.is_file():
        return argument
    return f"{flag}={own}{colon}{part}"


def _parse(own: Flags, command: list[str]) -> list[str]:
    """What stands beside the flags. Raises `ConfigError`."""
    with _config_errors(command):
        rest = own(command)[1:]
        for name in CONFIG_FLAGS:
            config = own[name].value if name in own else None
            if config is not None:
                config.to_dict()  # a file that cannot be loaded only shows here
    return list(rest)


@contextlib.contextmanager
def _config_errors(command: list[str]) -> Iterator[None]:
    """Makes a `ConfigError` of a bad file or override, reported by whatever exception Python gave."""
    try:
        yield
    except (KeyError, AttributeError) as error:
        raise ConfigError(f"There is no such setting in the configuration: {error}.") from None
    except (flags.Error, TypeError, ValueError) as error:
        raise ConfigError(" ".join(str(error).split())) from None
    except (Exception, SystemExit) as error:  # the file is a program: it may raise anything
        named = tuple(f"--{name}=" for name in CONFIG_FLAGS)
        given = [argument.partition("=")[2] for argument in command if argument.startswith(named)]
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"Cannot load the configuration file {' '.join(given[-1:])} ({reason}).") from None
