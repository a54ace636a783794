"""A tiny artefact and a tiny encoded data set, for tests of fine-tuning: `artefact(folder)`, `data_set(folder)`."""

import dataclasses
import functools
import json
import pathlib

import numpy as np

from configs import finetune_gpt
from indextts2_jax.checkpoint import save_artefact
from indextts2_jax.config import BigVganConfig, ModelConfig
from indextts2_jax.networks import init_random
from indextts2_jax.text.tiny import train_tiny_tokenizer
from indextts2_jax.training.config import TrainConfig, train_config
from indextts2_jax.training.dataset import write_flat
from tests.tiny import tiny_config

SENTENCES = ("THE RIVER RUNS.", "TURN LEFT.", "HOLD ON!", "IS THERE ANY SOUP?")


@functools.cache
def model() -> ModelConfig:
    """configs/tiny.py with fewer layers: what counts here is how long it takes to compile."""
    found = tiny_config().model
    assert found is not None
    conformer = dataclasses.replace(found.gpt.speaker_conformer, blocks=1)
    gpt = dataclasses.replace(
        found.gpt,
        speaker_conformer=conformer,
        emotion_conformer=conformer,
        speaker_perceiver=dataclasses.replace(found.gpt.speaker_perceiver, depth=1),
        emotion_perceiver=dataclasses.replace(found.gpt.emotion_perceiver, depth=1),
    )
    bigvgan = BigVganConfig(
        upsample_rates=(16, 16),
        upsample_kernels=(32, 32),
        initial_channels=8,
        resblock_kernels=(3,),
        resblock_dilations=((1, 3, 5),),
    )
    return dataclasses.replace(found, gpt=gpt, bigvgan=bigvgan)


def artefact(folder: pathlib.Path, seed: int = 0, sizes: ModelConfig | None = None) -> pathlib.Path:
    sizes = sizes or model()
    params = init_random(sizes, seed)
    save_artefact(folder, model=sizes, params=params, tokenizer=train_tiny_tokenizer(), source={})
    return folder


def data_set(folder: pathlib.Path, utterances: int = 10) -> pathlib.Path:
    """One speaker, whose codes say which sentence it is."""
    folder.mkdir()
    (folder / "codes").mkdir()
    (folder / "semantic").mkdir()
    rng = np.random.default_rng(0)
    rows, codes, semantic = [], [], []
    for number in range(utterances):
        length = int(rng.integers(12, 20))
        sentence = number % len(SENTENCES)
        split = "valid" if number >= utterances - 2 else "train"
        rows.append({"text": SENTENCES[sentence], "speaker": "me", "split": split})
        codes.append(((np.arange(length) + 7 * sentence) % 5 + 10 * sentence).astype(np.uint16))
        semantic.append(rng.normal(size=(length, model().w2v_bert.width)).astype(np.float16))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_flat(folder / "codes", "codes", codes)
    write_flat(folder / "semantic", "semantic", semantic)
    return folder


def config(kind: str, init: pathlib.Path, data: pathlib.Path, output: pathlib.Path, **updates) -> TrainConfig:
    """configs/finetune_gpt.py in float32, small and fast; `updates` replaces top-level keys, also optimizer's."""
    values = finetune_gpt.get_config(kind).to_dict()
    optimizer = {"learning_rate": 1e-2 if kind == "lora" else 2e-3, "warmup_steps": 2} | updates.pop("optimizer", {})
    objective = {"condition_frames": 12, "shapes": [24], "tokens_per_code": 1.0} | updates.pop("objective", {})
    small = {"batch_size": 4, "accumulate": 1, "dtype": "float32", "steps": 30, "ema_decay": 0.5, "valid_batches": 1}
    small |= {"log_every": 1, "evaluate_every": 15, "save_every": 5} | ({"lora_rank": 4} if kind == "lora" else {})
    values |= {"init": str(init), "data": str(data), "output": str(output), **small, **updates}
    values["optimizer"] |= optimizer
    values["objective"] |= objective
    return train_config(values)
