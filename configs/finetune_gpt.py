"""Fine-tuning of a model's GPT on clips of one's own: `--config=configs/finetune_gpt.py:lora`, or `:full`.

    --config.init=ARTEFACT --config.data=DATA --config.output=RUN

The sizes of the model and its tokenizer are those of the artefact. DATA comes from training.prepare and from
training.encode --artefact=ARTEFACT. `lora` trains adapters and fits where synthesis fits; `full` trains every weight of
the GPT and wants five times its size.
"""

from typing import Any

from ml_collections import ConfigDict

from indextts2_jax.config import to_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.training.config import OptimizerConfig, TrainConfig
from indextts2_jax.training.objectives import default_settings

# As the published model was trained: conditions always there, no input code replaced; its text layer is not published.
OBJECTIVE = {
    "text_weight": 0.0,
    "guided_weight": 0.0,
    "phone_weight": 0.0,
    "drop_condition": 0.0,
    "corrupt": 0.0,
    "recompute": True,
}

COMMON: dict[str, Any] = {
    "network": "gpt",
    "batch_size": 16,
    "accumulate": 8,  # two utterances at a time
    "dtype": "bfloat16",
    "log_every": 10,
    "evaluate_every": 50,
    "save_every": 50,
}

RUNS: dict[str, dict[str, Any]] = {
    "lora": {
        "steps": 600,
        "lora_rank": 16,
        "lora_alpha": 32.0,
        "ema_decay": 0.98,
        "optimizer": OptimizerConfig(learning_rate=2e-4, warmup_steps=30, schedule="cosine", weight_decay=0.0),
    },
    "full": {
        "steps": 400,
        "ema_decay": 0.0,  # a second copy of the network
        "optimizer": OptimizerConfig(learning_rate=1e-5, warmup_steps=40, schedule="cosine"),
    },
}


def get_config(kind: str = "lora") -> ConfigDict:
    if kind not in RUNS:
        raise ConfigError(f"There is no fine-tuning {kind!r}; known: {', '.join(RUNS)}.")
    values = to_dict(TrainConfig(**COMMON, **RUNS[kind]))
    return ConfigDict(values | {"model": None, "objective": default_settings("gpt") | OBJECTIVE})
