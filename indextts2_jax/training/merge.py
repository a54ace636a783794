"""A fine-tuned network in place of an artefact's own -> another artefact:

    python -m indextts2_jax.training.merge --artefact=checkpoints/base --run=runs/voice --output=checkpoints/voice

All other networks, the tokenizer and the defaults are the artefact's. Adapters are merged already: a run's network is
an ordinary one (`Objective.finish`).
"""

import pathlib
from typing import Any

from absl import flags

from indextts2_jax.checkpoint.artefact import DTYPES, load_artefact, save_artefact
from indextts2_jax.config import Config
from indextts2_jax.errors import TrainingError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.training.runs import load_run

REPLACEABLE = ("gpt", "s2mel", "bigvgan")
"""The others make what these were trained on: semantic features, codes, styles."""


def merge(
    artefact: pathlib.Path, run: pathlib.Path, output: pathlib.Path, *, dtype: str | None = None, which: str = "last"
) -> None:
    """Writes the artefact, whole or not at all.

    Args:
      dtype: what the weights are stored as; None: as those of `artefact`.
      which: the "last" or the "best" network of the run.
    Raises:
      TrainingError: no such network, or one of another model. CheckpointError: no artefact, or no place.
    """
    config, network = load_run(run, which)
    if config.network not in REPLACEABLE:
        raise TrainingError(f"{run} trained {config.network}, which the other networks of an artefact depend on.")
    if output.resolve() == artefact.resolve():
        raise TrainingError(f"{output} is the artefact itself; choose another output folder.")
    base = load_artefact(artefact)
    if base.model != config.model:
        raise TrainingError(f"{run} is of another model than {artefact}.")
    source: dict[str, Any] = {"artefact": base.model_id, "network": config.network, "steps": config.steps}
    if config.lora_rank:
        source["lora_rank"] = config.lora_rank
    save_artefact(
        output,
        model=base.model,
        params={**base.params, config.network: network},
        tokenizer=base.tokenizer,
        dtype=dtype or base.dtype,
        source=source,
        defaults=None if base.defaults == Config() else base.defaults,
        qwen_tokenizer=base.qwen_tokenizer,
    )


def define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("artefact", None, "What the run was begun from.", required=True, flag_values=own)
    flags.DEFINE_string("run", None, "Folder of the run.", required=True, flag_values=own)
    flags.DEFINE_string("output", None, "Folder of the new artefact.", required=True, flag_values=own)
    flags.DEFINE_enum("dtype", None, DTYPES, "What the weights are stored as; as the artefact's.", flag_values=own)
    flags.DEFINE_enum("which", "last", ["last", "best"], "The run's last or best network.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    output = pathlib.Path(options.output)
    merge(pathlib.Path(options.artefact), pathlib.Path(options.run), output, dtype=options.dtype, which=options.which)
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
