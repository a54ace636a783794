"""gpt.pth: the conditioning encoders and the speech language model, one table each."""

from indextts2_jax.config import ModelConfig

from ..rules import Rule
from . import gpt_conditioning, gpt_speech_lm


def rules(model: ModelConfig) -> list[Rule]:
    return [*gpt_conditioning.rules(model), *gpt_speech_lm.rules(model)]
