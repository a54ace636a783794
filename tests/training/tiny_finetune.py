"""A tiny artefact and a tiny encoded data set, for tests of fine-tuning: `artefact(folder)`, `data_set(folder)`."""

import json
import pathlib

import numpy as np

from configs import finetune_gpt
from indextts2_jax.checkpoint.artefact import save_artefact
from indextts2_jax.checkpoint.networks import init_random
from indextts2_jax.text.tiny import train_tiny_tokenizer
from indextts2_jax.training.config import TrainConfig, train_config
from indextts2_jax.training.dataset import write_flat
from indextts2_jax.training.start import with_model
from tests.training.tiny import tiny_model

SENTENCES = ("THE RIVER RUNS.", "TURN LEFT.", "HOLD ON!", "IS THERE ANY SOUP?")


def artefact(folder: pathlib.Path) -> pathlib.Path:
    params, tokenizer = init_random(tiny_model(), 0), train_tiny_tokenizer()
    save_artefact(folder, model=tiny_model(), params=params, tokenizer=tokenizer)
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
        codes.append(((np.arange(length) + 7 * sentence) % 5 + 7 * sentence).astype(np.uint16))
        semantic.append(rng.normal(size=(length, tiny_model().w2v_bert.width)).astype(np.float16))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_flat(folder / "codes", "codes", codes)
    write_flat(folder / "semantic", "semantic", semantic)
    return folder


def config(kind: str, base: pathlib.Path, data: pathlib.Path, output: pathlib.Path, **updates) -> TrainConfig:
    """configs/finetune_gpt.py in float32, small and fast; `updates` replaces top-level keys, also optimizer's."""
    values = finetune_gpt.get_config(kind).to_dict()
    optimizer = {"learning_rate": 1e-2 if kind == "lora" else 2e-3, "warmup_steps": 2} | updates.pop("optimizer", {})
    objective = {"condition_frames": 12, "shapes": [24], "tokens_per_code": 1.0} | updates.pop("objective", {})
    small = {"batch_size": 4, "accumulate": 1, "dtype": "float32", "steps": 20, "ema_decay": 0.5, "valid_batches": 1}
    small |= {"log_every": 1, "evaluate_every": 10, "save_every": 10} | ({"lora_rank": 4} if kind == "lora" else {})
    values |= {"init": str(base), "data": str(data), "output": str(output), **small, **updates}
    values["optimizer"] |= optimizer
    values["objective"] |= objective
    return train_config(with_model(values))
