"""IndexTTS-2.5 with everything that others have measured to help: no longer the official result.

Numbers are read before characters are mapped, so that "14:30" is a time; exclamation marks reach the model; a clause
that is too long is cut between words; the positions of codes are those of training; Spanish numbers are words (needs
num2words); and segments are shorter, as long ones hurry or drag.
"""

from ml_collections import ConfigDict

from indextts2_jax.config import Config, replace, to_dict


def get_config() -> ConfigDict:
    config = replace(
        Config(),
        text={
            "normalize_first": True,
            "whole_words": True,
            "spell_numbers": True,
            "max_english_tokens_per_segment": 60,
        },
        decode={"contiguous_positions": True, "keep_marks": True},
    )
    return ConfigDict(to_dict(config))
