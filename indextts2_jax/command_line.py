"""What the command lines of training share: one line on stderr and exit code 2 for whatever is wrong."""

import sys
from collections.abc import Callable, Sequence

from absl import flags

from indextts2_jax.errors import ConfigError, IndexTTSError

Define = Callable[[flags.FlagValues, list[str]], None]


def run(
    work: Callable[[flags.FlagValues], None],
    define: Define,
    usage: str | None,
    arguments: Sequence[str] | None = None,
    names: list[str] | None = None,
) -> int:
    """Parses the command line and does the work.

    Args:
      work: gets the parsed flags; may raise `IndexTTSError`.
      define: defines the flags on values of their own (not absl's global ones: several command lines of the project
        have flags of the same names), given the whole command too, which `config_flags` asks for.
      usage: what --help prints above the flags.
      arguments: without the program's name; by default those of the process.
      names: gets what stands beside the flags, before `work` is called; None where nothing may.
    Returns:
      The exit code: 0, 2 after one line on stderr, 130 if interrupted.
    """
    command = ["", *(sys.argv[1:] if arguments is None else arguments)]
    own = flags.FlagValues()
    try:
        define(own, command)
        if {"--help", "-h"} & set(command):
            print(usage or "", own.get_help(), sep="\n")
            return 0
        rest = _parse(own, command)
        if names is not None:
            names.extend(rest)
        elif rest:
            raise ConfigError(f"Unexpected argument {rest[0]!r}.")
        work(own)
    except IndexTTSError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _parse(own: flags.FlagValues, command: list[str]) -> list[str]:
    """What stands beside the flags.

    Raises `ConfigError`; ml_collections reports a bad file or override by whatever exception Python gave it.
    """
    try:
        rest = own(command)[1:]
        if "config" in own and own.config is not None:
            own.config.to_dict()  # a file that cannot be loaded only shows here
    except (KeyError, AttributeError) as error:
        raise ConfigError(f"There is no such setting in the configuration: {error}.") from None
    except (flags.Error, TypeError, ValueError) as error:
        raise ConfigError(str(error)) from None
    except Exception as error:  # the file is a program: it may raise anything
        given = [argument.partition("=")[2] for argument in command if argument.startswith("--config=")]
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"Cannot load the configuration file {' '.join(given[-1:])} ({reason}).") from None
    return rest
