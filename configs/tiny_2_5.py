"""As `configs/tiny.py`, with the parts of IndexTTS-2.5: noise, in seconds and without a download."""

from ml_collections import ConfigDict

from configs import tiny
from indextts2_jax import config as c


def get_config() -> ConfigDict:
    config = c.from_dict(c.Config, tiny.get_config().to_dict())
    assert config.model is not None
    model = c.replace(
        config.model,
        semantic_codec={"decoder": True, "frames_per_code": 2},
        gpt={
            "text_vocab": 269 + 1673,
            "speaker_conformer": None,
            "speaker_perceiver": None,
            "style_dim": config.model.campplus.embedding_size,
            "languages": c.to_dict(c.LanguagesConfig(first_token=271)),
        },
        s2mel={"latent_dim": 0},
        text_frontend="tiktoken",
    )
    return ConfigDict(c.to_dict(c.replace(config, model=c.to_dict(model))))
