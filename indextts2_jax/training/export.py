"""Trained networks -> an artefact, the same that `python -m convert` writes:

    python -m indextts2_jax.training.export --runs=runs --tokenizer=lexicon.model --data=data/mine --output=checkpoints/mine

`--runs` is a folder with one run a network (runs/gpt, runs/bigvgan, ...). The emotion matrices of a model without
labelled emotions hold, for each of the eight, the mean emotion embedding of the data set: every emotion vector is then
neutral speech.
"""

import pathlib
import sys

import jax.numpy as jnp
import numpy as np
from absl import app, flags

from indextts2_jax import stages
from indextts2_jax.array_typing import Params
from indextts2_jax.buckets import batch_of_one
from indextts2_jax.checkpoint import DTYPES, save_artefact
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError, ConfigError, IndexTTSError, TrainingError
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
    runs: pathlib.Path, tokenizer: bytes, data: DataSet, output: pathlib.Path, *, dtype: str, which: str = "last"
) -> None:
    """Writes the artefact, whole or not at all.

    Raises:
      TrainingError: a run is missing or does not fit. CheckpointError: a tokenizer that does not fit; no place.
    """
    model, params = collect(runs, which)
    frontend = build_frontend(model.text_frontend, tokenizer)
    if frontend.vocab_size != model.gpt.text_vocab:
        raise CheckpointError(f"The tokenizer has {frontend.vocab_size} tokens, the model {model.gpt.text_vocab}.")
    params["emotion"] = emotion_matrices(params, model, data)
    source = {"trained": "indextts2_jax.training", "utterances": len(data.rows), "speakers": len(data.speakers)}
    save_artefact(output, model=model, params=params, tokenizer=tokenizer, dtype=dtype, source=source)


def main(argv: list[str]) -> None:
    values = flags.FLAGS
    try:
        if len(argv) > 1:
            raise ConfigError(f"Unexpected argument {argv[1]!r}.")
        try:
            tokenizer = pathlib.Path(values.tokenizer).read_bytes()
        except OSError as error:
            raise ConfigError(f"Cannot read the tokenizer {values.tokenizer}: {error.strerror}.") from None
        output = pathlib.Path(values.output)
        export(
            pathlib.Path(values.runs),
            tokenizer,
            DataSet.open(values.data),
            output,
            dtype=values.dtype,
            which=values.which,
        )
    except IndexTTSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    size = sum(path.stat().st_size for path in output.iterdir())
    print(f"{output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    flags.DEFINE_string("runs", None, "Folder with one run a network.", required=True)
    flags.DEFINE_string("tokenizer", None, "The front-end's file.", required=True)
    flags.DEFINE_string("data", None, "The prepared data set.", required=True)
    flags.DEFINE_string("output", None, "Folder of the artefact.", required=True)
    flags.DEFINE_enum("dtype", "float16", DTYPES, "What the weights are stored as.")
    flags.DEFINE_enum("which", "last", ["last", "best"], "The runs' last or best networks.")
    app.run(main)
