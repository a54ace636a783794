"""Every network at a tiny width with random weights: needs no download, is made in seconds, and MAKES NOISE.

For tests and first looks at the code; the published weights need `configs/indextts2.py` and a converted checkpoint.
"""

from ml_collections import ConfigDict

from indextts2_jax import config as c


def get_config() -> ConfigDict:
    conformer = c.ConformerConfig(input_dim=32, width=16, ffn_dim=32, heads=2, blocks=2)
    model = c.ModelConfig(
        w2v_bert=c.W2vBertConfig(width=32, layers=2, heads=2, ffn_dim=64),
        semantic_codec=c.SemanticCodecConfig(
            hidden_size=32, codebook_size=62, vocos_dim=16, vocos_intermediate_dim=32, vocos_layers=2
        ),
        campplus=c.CampplusConfig(
            embedding_size=16, head_channels=4, growth_rate=4, init_channels=16, block_layers=(2, 2, 2)
        ),
        gpt=c.GptConfig(
            width=32,
            layers=2,
            heads=2,
            text_vocab=128,
            code_vocab=64,
            start_mel_token=62,
            stop_mel_token=63,
            speaker_conformer=conformer,
            speaker_perceiver=c.PerceiverConfig(width=32, context_dim=16, latents=4, heads=2, head_dim=16),
            emotion_conformer=conformer,
            emotion_perceiver=c.PerceiverConfig(width=24, context_dim=16, latents=1, heads=2, head_dim=16),
        ),
        s2mel=c.S2MelConfig(
            latent_dim=32,
            latent_hidden=(16, 8),
            semantic_dim=32,
            width=32,
            heads=2,
            depth=3,
            style_dim=16,
            time_features=16,
            wavenet_layers=2,
        ),
        bigvgan=c.BigVganConfig(initial_channels=64),
        emotion=c.EmotionMatrixConfig(rows=(1, 2, 1, 2, 1, 2, 1, 2), style_dim=16, width=32),
    )
    decode = c.DecodeConfig(max_mel_tokens=100)  # random weights hardly ever stop by themselves
    return ConfigDict(c.to_dict(c.Config(model=model, random_seed=0, decode=decode)))
