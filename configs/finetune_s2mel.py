"""Fine-tuning of a model's flow matching network on clips of one's own: `--config=configs/finetune_s2mel.py`.

    --config.init=ARTEFACT --config.data=DATA --config.output=RUN

It is what gives the codes a timbre and a pitch, as fine-tuning the GPT (finetune_gpt.py) gives them a rhythm. DATA
comes from training.prepare and from `training.encode --artefact=ARTEFACT --latents`. The bundled model makes no use of
latents: for it leave `--latents` out and add `--config.objective.latents=False`.
"""

from typing import Any

from ml_collections import ConfigDict

from indextts2_jax.config import to_dict
from indextts2_jax.training.config import OptimizerConfig, TrainConfig
from indextts2_jax.training.objectives import default_settings

OBJECTIVE = {"latents": True, "codes": 120, "prompt_codes": 120, "corrupt": 0.0}

RUN: dict[str, Any] = {
    "network": "s2mel",
    "batch_size": 8,
    "accumulate": 4,  # two utterances at a time
    "steps": 300,
    "ema_decay": 0.98,
    "log_every": 10,
    "evaluate_every": 50,
    "save_every": 50,
    "optimizer": OptimizerConfig(learning_rate=1e-4, warmup_steps=20, schedule="cosine", weight_decay=0.0),
}


def get_config() -> ConfigDict:
    values = to_dict(TrainConfig(**RUN))
    return ConfigDict(values | {"model": None, "objective": default_settings("s2mel") | OBJECTIVE})
