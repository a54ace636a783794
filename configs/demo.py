"""The small English model that comes with this package, and the settings that it speaks best with.

The one place for them: `training.export` writes them into the artefact as its defaults, which are what
`IndexTTS2.from_pretrained("demo")` uses.
"""

from ml_collections import ConfigDict

from indextts2_jax import config as c


def demo_settings() -> c.Config:
    return c.Config(
        checkpoint="demo",
        text=c.TextConfig(max_text_tokens_per_segment=80),  # phonemes and punctuation: about six seconds
        decode=c.DecodeConfig(num_beams=1, top_k=20, temperature=1.0, repetition_penalty=1.0, max_mel_tokens=600),
        redraw=c.RedrawConfig(attempts=2, shortest=0.7, longest=1.6, check_words=True),
        flow=c.FlowConfig(steps=10, guidance=0.7, temperature=0.7),
    )


def get_config() -> ConfigDict:
    return ConfigDict(c.to_dict(demo_settings()))
