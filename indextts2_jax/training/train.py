"""Trains one network:

    indextts2 train --config=configs/train_demo.py:gpt --config.data=data/mine --config.output=runs/gpt

Killed and started again, it goes on from its last checkpoint. On several machines, start it on each with
`--coordinator=HOST:PORT --processes=N --process=I`.
"""

import logging
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import jax
from absl import flags

from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.cache import cache_folder
from indextts2_jax.training import loop
from indextts2_jax.training.config import train_config
from indextts2_jax.training.start import with_model


def define(own: flags.FlagValues, command: list[str]) -> None:
    command_line.define_config(own, command, None, "Training configuration; FILE or FILE:NETWORK.")
    flags.DEFINE_integer("stop_at", None, "Stop after this step, to go on later.", lower_bound=1, flag_values=own)
    flags.DEFINE_string("coordinator", None, "HOST:PORT of the first of several machines.", flag_values=own)
    flags.DEFINE_integer("processes", None, "How many machines.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("process", None, "Which of them this is, from 0.", lower_bound=0, flag_values=own)


def work(options: flags.FlagValues) -> None:
    if options.config is None:
        raise ConfigError("--config is needed: a file with get_config(), e.g. configs/train_demo.py:gpt.")
    config = train_config(with_model(options.config.to_dict()))
    if options.coordinator:
        jax.distributed.initialize(options.coordinator, options.processes, options.process)
    logging.getLogger("absl").setLevel(logging.WARNING)  # orbax tells every file it writes
    jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
    report = loop.run(config, stop_at=options.stop_at, show_bar=jax.process_index() == 0)
    print(f"{pathlib.Path(config.output)}: best validation loss {report.best():.4f}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Ends the process with the exit code."""
    code = command_line.run(work, define, __doc__, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the batch thread and orbax's pools are daemons that keep the interpreter for seconds


if __name__ == "__main__":
    main()
