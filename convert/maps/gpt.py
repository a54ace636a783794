"""gpt.pth: the conditioning encoders and the speech language model, one table each."""

from convert.maps import gpt_conditioning, gpt_speech_lm
from convert.rules import Rule
from indextts2_jax.config import ModelConfig


def rules(model: ModelConfig) -> list[Rule]:
    return [*gpt_conditioning.rules(model), *gpt_speech_lm.rules(model)]
