"""Trained networks -> an artefact, the same that `indextts2 convert` writes:

    python -m indextts2_jax.training.export --runs=runs --tokenizer=lexicon.model --data=data/mine \\
        --output=checkpoints/mine

`--runs` is a folder with one run a network (runs/gpt, runs/bigvgan, ...). The emotion matrices of a model without
labelled emotions hold, for each of the eight, the mean emotion embedding of the data set: every emotion vector is then
neutral speech.
"""

import dataclasses
import pathlib

import jax.numpy as jnp
import numpy as np
from absl import flags

from indextts2_jax.array_typing import Params
from indextts2_jax.checkpoint.artefact import DTYPES, save_artefact
from indextts2_jax.config import Config, ModelConfig, from_dict
from indextts2_jax.errors import CheckpointError, ConfigError, TrainingError
from indextts2_jax.nn.buckets import batch_of_one
from indextts2_jax.pipeline import stages
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.objectives import NETWORKS
from indextts2_jax.training.runs import load_run

MEAN_OVER = 64  # clips


def emotion_matrices(params: Params, model: ModelConfig, data: DataSet) -> Params:
    """The `emotion` part of the artefact: the mean style and the mean emotion embedding in every row."""
    semantic, style = data.array("semantic/semantic"), data.array("style/style")
    chosen = np.linspace(0, len(data.rows) - 1, min(MEAN_OVER, len(data.rows))).astype(int)
    vectors = []
    for index in chosen:
        frames = np.asarray(semantic[index], np.float32)
        length = np.array([len(frames)], np.int32)
        vectors.append(np.asarray(stages.emotion_vector(params, batch_of_one(frames), length, model=model))[0])
    rows = sum(model.emotion.rows)
    styles = np.mean([style[index][0] for index in chosen], axis=0)
    return {
        "speaker_matrix": jnp.asarray(np.tile(styles, (rows, 1))),
        "emotion_matrix": jnp.asarray(np.tile(np.mean(vectors, axis=0), (rows, 1))),
    }


def collect(runs: pathlib.Path, which: str) -> tuple[ModelConfig, Params]:
    """The networks of all runs. Raises `TrainingError` where one is missing, or they are not of one model."""
    params: Params = {}
    model: ModelConfig | None = None
    for network in NETWORKS:
        config, params[network] = load_run(runs / network, which)
        if config.network != network:
            raise TrainingError(f"{runs / network} is a run of {config.network}.")
        if model is not None and config.model != model:
            raise TrainingError(f"{runs / network} is of another model than the runs beside it.")
        model = config.model
    assert model is not None
    return model, params


def export(
    runs: pathlib.Path,
    tokenizer: bytes,
    data: DataSet,
    output: pathlib.Path,
    *,
    dtype: str,
    which: str = "last",
    defaults: Config | None = None,
) -> None:
    """Writes the artefact, whole or not at all. `defaults`: the settings that the model speaks best with.

    Raises:
      TrainingError: a run is missing or does not fit. CheckpointError: a tokenizer that does not fit; no place.
    """
    model, params = collect(runs, which)
    model = dataclasses.replace(model, qwen=None)  # nothing here trains an emotion classifier
    frontend = build_frontend(model.text_frontend, tokenizer)
    if frontend.vocab_size != model.gpt.text_vocab:
        raise CheckpointError(f"The tokenizer has {frontend.vocab_size} tokens, the model {model.gpt.text_vocab}.")
    params["emotion"] = emotion_matrices(params, model, data)
    source = {"trained": "indextts2_jax.training", "utterances": len(data.rows), "speakers": len(data.speakers)}
    save_artefact(
        output, model=model, params=params, tokenizer=tokenizer, dtype=dtype, source=source, defaults=defaults
    )


def define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("runs", None, "Folder with one run a network.", required=True, flag_values=own)
    flags.DEFINE_string("tokenizer", None, "The front-end's file.", required=True, flag_values=own)
    flags.DEFINE_string("data", None, "The prepared data set.", required=True, flag_values=own)
    flags.DEFINE_string("output", None, "Folder of the artefact.", required=True, flag_values=own)
    command_line.define_config(own, command, None, "Settings that the model speaks best with.", "defaults")
    flags.DEFINE_enum("dtype", "float16", DTYPES, "What the weights are stored as.", flag_values=own)
    flags.DEFINE_enum("which", "last", ["last", "best"], "The runs' last or best networks.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    try:
        tokenizer = pathlib.Path(options.tokenizer).read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read the tokenizer {options.tokenizer}: {error.strerror}.") from None
    data, output = DataSet.open(options.data), pathlib.Path(options.output)
    defaults = from_dict(Config, options.defaults.to_dict()) if options.defaults is not None else None
    runs = pathlib.Path(options.runs)
    export(runs, tokenizer, data, output, dtype=options.dtype, which=options.which, defaults=defaults)
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
