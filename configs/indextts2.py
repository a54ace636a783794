"""The published IndexTTS-2: its networks come from the checkpoint, every setting is the published default."""

from ml_collections import ConfigDict

from indextts2_jax.config import Config, to_dict


def get_config() -> ConfigDict:
    return ConfigDict(to_dict(Config()))
