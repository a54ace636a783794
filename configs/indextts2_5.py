"""The published IndexTTS-2.5: its networks come from the checkpoint, every setting but the language is the published
default. The language is that of a text's script, where the published default is a mixture that few texts are."""

from ml_collections import ConfigDict

from indextts2_jax.config import Config, to_dict


def get_config() -> ConfigDict:
    return ConfigDict(to_dict(Config()))
