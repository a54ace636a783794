"""What a trained network makes of a data set, for the training of the next one:

    python -m indextts2_jax.training.encode --data=data/mine --run=runs/w2v_bert        -> semantic/semantic [T D]
    python -m indextts2_jax.training.encode --data=data/mine --run=runs/semantic_codec  -> codes/codes [T]
    python -m indextts2_jax.training.encode --data=data/mine --run=runs/campplus        -> style/style [D]
    python -m indextts2_jax.training.encode --data=data/mine --run=runs/gpt             -> latents/latents [T D]
    python -m indextts2_jax.training.encode --data=data/mine --artefact=checkpoints/x   -> the first three
                                                              --latents                 -> all four

The networks run as in synthesis (`stages.py`), a batch of clips of similar length at a time.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import flags

from indextts2_jax.array_typing import Float, Int, Int32, Params, Shaped
from indextts2_jax.checkpoint.artefact import load_artefact
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.nn.buckets import bucket_size, pad_axis
from indextts2_jax.pipeline import stages
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.latents import encode_latents
from indextts2_jax.training.runs import load_run
from indextts2_jax.training.start import initial_tokenizer

BATCH = 16

Encoder = Callable[[Shaped[np.ndarray, "B _ ..."], Int[np.ndarray, " B"]], Any]


def _semantic(params: Params, model: ModelConfig) -> Encoder:
    return lambda x, lengths: stages.semantic_features(params, x, lengths, model=model)


def _codes(params: Params, model: ModelConfig) -> Encoder:
    if not model.semantic_codec.encoder:
        raise TrainingError("The model has no encoder that makes codes: convert it again with --with_encoder.")
    return lambda x, lengths: stages.quantize(params, x, lengths, model=model)[0]


def _style(params: Params, model: ModelConfig) -> Encoder:
    return lambda x, lengths: stages.speaker_embedding(params, x, lengths, model=model)[:, None]


# network: (array read, folder and array written, its type, how)
WORK: dict[str, tuple[str, str, Any, Callable[[Params, ModelConfig], Encoder]]] = {
    "w2v_bert": ("features", "semantic", np.float16, _semantic),
    "semantic_codec": ("semantic/semantic", "codes", np.uint16, _codes),
    "campplus": ("fbank", "style", np.float32, _style),
}


def encode(data: DataSet, network: str, params: Params, model: ModelConfig, source: dict[str, Any]) -> None:
    """Writes the derived array of one network; `params` is {network: parameters}.

    An odd last fbank frame is treated as in synthesis: its row is computed, and nothing attends to it. Where a code is
    two frames, an odd last one is left out, as in the publisher's training.
    """
    from tqdm import tqdm

    read, write, kind, make = WORK[network]
    array, encoder = data.array(read), make(params, model)
    per_row = model.semantic_codec.frames_per_code if network == "semantic_codec" else 1
    order = np.argsort(array.lengths, kind="stable")
    results: dict[int, np.ndarray] = {}
    for start in tqdm(range(0, len(order), BATCH), unit="batch", desc=write, mininterval=2.0):
        chosen = order[start : start + BATCH]
        padded = np.resize(chosen, BATCH)  # the last batch repeats utterances rather than compile another shape
        size = bucket_size(int(array.lengths[padded].max()))
        x = np.stack([pad_axis(np.asarray(array[i], np.float32), size) for i in padded])
        lengths = (array.lengths[padded] // per_row * per_row).astype(np.int32)
        if network == "w2v_bert":
            lengths = lengths - _half_padded(x, lengths)
        output = np.asarray(encoder(x, lengths))
        for i, row in zip(chosen, output, strict=False):
            results[int(i)] = row[: 1 if network == "campplus" else array.lengths[i] // per_row].astype(kind)
    data.derive(write, {write: [results[i] for i in range(len(array))]}, source)


def _half_padded(features: Float[np.ndarray, "B T C"], lengths: Int[np.ndarray, " B"]) -> Int32[np.ndarray, " B"]:
    """1 for clips whose last frame is half padding (`w2v_features` fills it with ones), else 0."""
    half = features.shape[-1] // 2
    last = features[np.arange(len(lengths)), lengths - 1, half:]
    return np.all(last == 1.0, axis=-1).astype(np.int32)


def define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("data", None, "Prepared data set.", required=True, flag_values=own)
    flags.DEFINE_string("run", None, "Folder of a finished run.", flag_values=own)
    flags.DEFINE_string("artefact", None, "An artefact: all of its encoders, one after another.", flag_values=own)
    flags.DEFINE_bool("latents", False, "With an artefact: its GPT's latents too.", flag_values=own)
    flags.DEFINE_enum("which", "last", ["last", "best"], "The run's last or best network.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    if (options.run is None) == (options.artefact is None):
        raise ConfigError("Give either --run or --artefact.")
    data = DataSet.open(options.data)
    if options.artefact:
        artefact = load_artefact(options.artefact, dtype="float32")
        source = {"artefact": artefact.model_id}
        for network in WORK:
            encode(data, network, artefact.params, artefact.model, source)
        if options.latents:
            encode_latents(data, artefact.params, artefact.model, initial_tokenizer(options.artefact), source)
        return
    if options.latents:
        raise ConfigError("--latents goes with --artefact; a run of the GPT encodes nothing else.")
    config, params = load_run(pathlib.Path(options.run), options.which)
    source = {"run": str(options.run), "network": config.network}
    if config.network == "gpt":
        encode_latents(data, {"gpt": params}, config.model, initial_tokenizer(options.run), source)
    elif config.network in WORK:
        encode(data, config.network, {config.network: params}, config.model, source)
    else:
        raise TrainingError(f"{options.run} trained {config.network}, which encodes nothing.")


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
