"""Model configurations shared by the tests."""

import dataclasses

from indextts2_jax import config as c

PUBLISHED = c.ModelConfig()

# ../shared/manifests/small.yaml and its auxiliary configs: the published widths, fewer layers
_conformer = c.ConformerConfig(width=64, ffn_dim=128, heads=4, blocks=2)
SMALL = c.ModelConfig(
    w2v_bert=c.W2vBertConfig(ffn_dim=256),
    semantic_codec=c.SemanticCodecConfig(vocos_intermediate_dim=512, vocos_layers=3),
    gpt=c.GptConfig(
        layers=3,
        speaker_conformer=_conformer,
        speaker_perceiver=c.PerceiverConfig(context_dim=64, heads=4),
        emotion_conformer=dataclasses.replace(_conformer, ffn_dim=96, heads=2),
        emotion_perceiver=c.PerceiverConfig(width=1024, context_dim=64, latents=1, heads=2),
    ),
    s2mel=c.S2MelConfig(depth=5, wavenet_layers=3),
    bigvgan=c.BigVganConfig(initial_channels=128),
)


def of_2_5(model: c.ModelConfig) -> c.ModelConfig:
    """A model with the parts of IndexTTS-2.5, of the same sizes."""
    speaks = {"speaker_conformer": None, "speaker_perceiver": None, "style_dim": 192, "text_vocab": 60509}
    codec = dataclasses.replace(model.semantic_codec, encoder=False, decoder=True, frames_per_code=2)
    return dataclasses.replace(
        model,
        semantic_codec=codec,
        gpt=dataclasses.replace(model.gpt, languages=c.LanguagesConfig(), **speaks),
        s2mel=dataclasses.replace(model.s2mel, latent_dim=0),
        text_frontend="tiktoken",
    )


PUBLISHED_2_5, SMALL_2_5 = of_2_5(PUBLISHED), of_2_5(SMALL)
