"""Training of the demo model, network by network: `--config=configs/train_demo.py:gpt`.

Everything that differs from the published model is a width or a depth.
"""

from typing import Any

from ml_collections import ConfigDict

from indextts2_jax import config as c
from indextts2_jax.config import to_dict
from indextts2_jax.training.config import OptimizerConfig, TrainConfig
from indextts2_jax.training.objectives import default_settings


def demo_model() -> c.ModelConfig:
    conformer = c.ConformerConfig(input_dim=128, width=48, ffn_dim=96, heads=4, blocks=2)
    return c.ModelConfig(
        w2v_bert=c.W2vBertConfig(width=128, layers=3, heads=4, ffn_dim=256),
        semantic_codec=c.SemanticCodecConfig(
            hidden_size=128, codebook_size=512, vocos_dim=96, vocos_intermediate_dim=192, vocos_layers=2
        ),
        campplus=c.CampplusConfig(
            embedding_size=64, head_channels=8, growth_rate=8, init_channels=32, block_layers=(4, 6, 4)
        ),
        gpt=c.GptConfig(
            width=192,
            layers=6,
            heads=4,
            text_vocab=76,
            code_vocab=514,
            max_text_tokens=160,
            max_mel_tokens=760,  # an utterance of 15 s, the longest of a data set, has 750 codes
            start_mel_token=512,
            stop_mel_token=513,
            speaker_conformer=conformer,
            speaker_perceiver=c.PerceiverConfig(width=192, context_dim=48, latents=4, heads=2, head_dim=32, depth=1),
            emotion_conformer=conformer,
            emotion_perceiver=c.PerceiverConfig(width=48, context_dim=48, latents=1, heads=2, head_dim=24, depth=1),
        ),
        s2mel=c.S2MelConfig(
            latent_dim=192,
            latent_hidden=(64, 64),
            semantic_dim=128,
            width=160,
            heads=4,
            depth=5,
            style_dim=64,
            time_features=128,
            regulator_layers=3,
            wavenet_layers=3,
        ),
        bigvgan=c.BigVganConfig(
            upsample_rates=(8, 8, 4),
            upsample_kernels=(16, 16, 8),
            initial_channels=128,
            resblock_kernels=(3, 7),
            resblock_dilations=((1, 3), (1, 3)),
        ),
        emotion=c.EmotionMatrixConfig(rows=(1,) * 8, style_dim=64, width=192),
        text_frontend="phonemes",
    )


RUNS: dict[str, dict[str, Any]] = {
    "w2v_bert": {"steps": 1200, "optimizer": OptimizerConfig(learning_rate=2e-3)},
    "semantic_codec": {"steps": 1500, "optimizer": OptimizerConfig(learning_rate=2e-3)},
    "campplus": {"steps": 300, "batch_size": 24, "optimizer": OptimizerConfig(learning_rate=2e-3)},
    "gpt": {
        "steps": 3200,
        "save_every": 100,
        "objective": {
            "guided_weight": 1.0,
            "phone_weight": 1.0,
            "tokens_per_code": 0.32,
            "shapes": (112, 160, 224, 448, 752),  # few: each compiles for half a minute; the last holds 15 s
        },
        "optimizer": OptimizerConfig(name="muon", learning_rate=1.5e-3, muon_rate=0.008, warmup_steps=200),
    },
    "s2mel": {
        "steps": 1400,
        "optimizer": OptimizerConfig(name="muon", learning_rate=1e-3, muon_rate=0.006, warmup_steps=60),
    },
    "bigvgan": {
        "steps": 3000,
        "batch_size": 8,
        "ema_decay": 0.99,
        "optimizer": OptimizerConfig(
            name="muon", learning_rate=1.5e-3, muon_rate=0.006, warmup_steps=20, b1=0.8, b2=0.99, weight_decay=0.0
        ),
    },
}


def get_config(network: str = "gpt") -> ConfigDict:
    run = RUNS[network]
    values = to_dict(TrainConfig(network=network, model=demo_model(), **run))
    values["objective"] = default_settings(network) | run.get("objective", {})
    return ConfigDict(values)
