"""Trains one network:

    python -m indextts2_jax.training.train --config=configs/train_demo.py:gpt --config.data=data/mine \
        --config.output=runs/gpt

Killed and started again, it goes on from its last checkpoint. On several machines, start it on each with
`--coordinator=HOST:PORT --processes=N --process=I`.
"""

import logging
import os
import pathlib
import sys

import jax
from absl import app, flags
from ml_collections import config_flags

from indextts2_jax.cache import cache_folder
from indextts2_jax.errors import ConfigError, IndexTTSError
from indextts2_jax.training import loop
from indextts2_jax.training.config import train_config

_CONFIG = config_flags.DEFINE_config_file("config", None, "Training configuration; FILE or FILE:NETWORK.")
_STOP_AT = flags.DEFINE_integer("stop_at", None, "Stop after this step, to go on later.", lower_bound=1)
_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT of the first of several machines.")
_PROCESSES = flags.DEFINE_integer("processes", None, "How many machines.", lower_bound=1)
_PROCESS = flags.DEFINE_integer("process", None, "Which of them this is, from 0.", lower_bound=0)


def main(argv: list[str]) -> None:
    try:
        if len(argv) > 1:
            raise ConfigError(f"Unexpected argument {argv[1]!r}.")
        if _CONFIG.value is None:
            raise ConfigError("--config is needed: a file with get_config(), e.g. configs/train_demo.py:gpt.")
        config = train_config(_CONFIG.value.to_dict())
        if _COORDINATOR.value:
            jax.distributed.initialize(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
        logging.getLogger("absl").setLevel(logging.WARNING)  # orbax tells every file it writes
        jax.config.update("jax_compilation_cache_dir", str(cache_folder("xla")))
        report = loop.run(config, stop_at=_STOP_AT.value, progress=jax.process_index() == 0)
    except IndexTTSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{pathlib.Path(config.output)}: best validation loss {report.best():.4f}")
    sys.stdout.flush()
    os._exit(0)  # the batch thread and orbax's pools are daemons that keep the interpreter for seconds


if __name__ == "__main__":
    app.run(main)
