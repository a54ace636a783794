"""feat1.pt and feat2.pt, one bare tensor each, presented as `feat1` and `feat2` -> `emotion`."""

from convert.rules import Rule
from indextts2_jax.config import ModelConfig


def rules(model: ModelConfig) -> list[Rule]:
    return [Rule("feat1", "speaker_matrix"), Rule("feat2", "emotion_matrix")]
