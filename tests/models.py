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
