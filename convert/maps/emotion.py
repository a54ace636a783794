"""feat1.pt and feat2.pt, one bare tensor each, presented as `feat1` and `feat2` -> `emotion`."""

from indextts2_jax.config import ModelConfig

from ..rules import Rule


def rules(model: ModelConfig) -> list[Rule]:
    return [Rule("feat1", "speaker_matrix"), Rule("feat2", "emotion_matrix")]
