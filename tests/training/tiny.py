"""A model small enough to train in a test, a data set of noises to train it on, and settings that fit both."""

import functools
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import soundfile

from indextts2_jax import config as c
from indextts2_jax.checkpoint.networks import init_random
from indextts2_jax.config import to_dict
from indextts2_jax.text.tiny import VOCABULARY, train_tiny_tokenizer
from indextts2_jax.training.config import TrainConfig, train_config
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.demo.lexicon import build_lexicon
from indextts2_jax.training.objectives import build_objective
from indextts2_jax.training.prepare import prepare
from indextts2_jax.training.state import write_network
from indextts2_jax.vocoder.alias_free import kaiser_sinc_filter

SPEAKERS = ("ann", "bob", "cyd")
SENTENCES = ("The cat.", "A dog is at the cat.", "Is it a dog?", "The dog, the cat.")
WORDS = {"the": "dh ax", "cat": "k ae t", "a": "ax", "dog": "d ao g", "is": "ih z", "at": "ae t", "it": "ih t"}
DICTIONARY = "a AH0\nat AE1 T\ncat K AE1 T\ndog D AO1 G\nis IH1 Z\nit IH1 T\nthe DH AH0"
ROWS = 12


def tiny_model(text_frontend: str = "bpe") -> c.ModelConfig:
    conformer = c.ConformerConfig(input_dim=16, width=8, ffn_dim=16, heads=2, blocks=1, conv_kernel=5)
    return c.ModelConfig(
        w2v_bert=c.W2vBertConfig(width=16, layers=1, heads=2, ffn_dim=32, conv_kernel=5),
        semantic_codec=c.SemanticCodecConfig(
            hidden_size=16, codebook_size=30, vocos_dim=12, vocos_intermediate_dim=16, vocos_layers=1
        ),
        campplus=c.CampplusConfig(
            embedding_size=8, head_channels=2, growth_rate=4, bottleneck_size=2, init_channels=8, block_layers=(1, 1, 1)
        ),
        gpt=c.GptConfig(
            width=16,
            layers=2,
            heads=2,
            text_vocab=VOCABULARY if text_frontend == "bpe" else 76,
            code_vocab=32,
            max_text_tokens=60,
            max_mel_tokens=120,
            start_mel_token=30,
            stop_mel_token=31,
            speaker_conformer=conformer,
            speaker_perceiver=c.PerceiverConfig(width=16, context_dim=8, latents=2, heads=2, head_dim=8, depth=1),
            emotion_conformer=conformer,
            emotion_perceiver=c.PerceiverConfig(width=8, context_dim=8, latents=1, heads=2, head_dim=4, depth=1),
        ),
        s2mel=c.S2MelConfig(
            latent_dim=16,
            latent_hidden=(8, 8),
            semantic_dim=16,
            width=16,
            heads=2,
            depth=3,
            style_dim=8,
            time_features=16,
            regulator_layers=1,
            wavenet_layers=2,
        ),
        bigvgan=c.BigVganConfig(
            upsample_rates=(8, 8, 4),
            upsample_kernels=(16, 16, 8),
            initial_channels=16,
            resblock_kernels=(3,),
            resblock_dilations=((1,),),
        ),
        emotion=c.EmotionMatrixConfig(rows=(1,) * 8, style_dim=8, width=16),
        text_frontend=text_frontend,
    )


# --- data ---------------------------------------------------------------------------------------------------------


def noise(seed: int, seconds: float, rate: int = 22050) -> np.ndarray:
    """A buzz and noise, float32 [N]: another pitch for every seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * (100 + 13 * seed) * k * time) / k for k in range(1, 9))
    return (0.1 * buzz + 0.02 * rng.standard_normal(len(time))).astype(np.float32)


def spread(text: str, seconds: float) -> list[tuple[str, float]]:
    """Made-up phones of a text, equally long, pauses at both ends."""
    words = text.lower().translate(str.maketrans("", "", ".,?")).split()
    phones = ["pau", *(phone for word in words for phone in WORDS[word].split()), "pau"]
    return [(phone, round(seconds * (i + 1) / len(phones), 4)) for i, phone in enumerate(phones)]


def write_manifest(folder: pathlib.Path) -> pathlib.Path:
    """Twelve clips of 0.7 to 1.3 seconds at two sample rates by three speakers, a quarter of them for validation."""
    rows = []
    for i in range(ROWS):
        seconds, rate, text = 0.7 + 0.05 * i, (22050, 16000)[i % 2], SENTENCES[i % 4]
        soundfile.write(folder / f"{i}.wav", noise(i, seconds, rate), rate)
        row = {"audio": f"{i}.wav", "text": text, "speaker": SPEAKERS[i % 3], "phones": spread(text, seconds)}
        rows.append(row | {"split": "valid"} if i % 4 == 3 else row)
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_data(folder: pathlib.Path) -> DataSet:
    """The clips prepared, with random numbers for what trained networks derive."""
    clips = folder / "clips"
    clips.mkdir(parents=True)
    prepare(write_manifest(clips), folder / "data")
    data = DataSet.open(folder / "data")
    rng = np.random.default_rng(0)
    sizes = data.array("features").lengths
    data.derive("semantic", {"semantic": [rng.standard_normal((n, 16)).astype(np.float16) for n in sizes]}, {})
    data.derive("codes", {"codes": [rng.integers(0, 30, n).astype(np.uint16) for n in sizes]}, {})
    data.derive("style", {"style": [rng.standard_normal((1, 8)).astype(np.float32) for _ in sizes]}, {})
    data.derive("latents", {"latents": [rng.standard_normal((n, 16)).astype(np.float16) for n in sizes]}, {})
    (folder / "bpe.model").write_bytes(train_tiny_tokenizer())
    (folder / "lexicon.model").write_bytes(build_lexicon(DICTIONARY.splitlines()))
    return data


# --- objectives ---------------------------------------------------------------------------------------------------

SETTINGS: dict[str, dict[str, Any]] = {
    "w2v_bert": {"frames": 48},
    "semantic_codec": {"frames": 48},
    "campplus": {"frames": 40},
    "gpt": {"condition_frames": 32, "shapes": [40, 72], "tokens_per_code": 0.6},
    "s2mel": {"codes": 16, "prompt_codes": 12},
    "bigvgan": {"frames": 8, "stft_sizes": [1024, 512], "stft_hops": [256, 128]},
}


def tiny_config(network: str, data_set: DataSet, output: str | pathlib.Path = "unused", **updates: Any) -> TrainConfig:
    """A checked configuration; `updates` replace keys, of `objective` and `optimizer` only those given."""
    folder = data_set.folder.parent
    model = updates.pop("model", tiny_model())
    objective = dict(SETTINGS[network])
    if network == "gpt":
        objective["tokenizer"] = str(folder / ("bpe.model" if model.text_frontend == "bpe" else "lexicon.model"))
    if network == "s2mel":
        objective["codec"] = str(codec_file(folder))
    objective |= updates.pop("objective", {})
    optimizer = {"learning_rate": 1e-2, "warmup_steps": 0} | updates.pop("optimizer", {})
    values: dict[str, Any] = {"network": network, "data": str(data_set.folder), "output": str(output), "batch_size": 4}
    values |= {"steps": 6, "log_every": 1, "save_every": 3, "evaluate_every": 6, "valid_batches": 1, "ema_decay": 0.9}
    values |= {"model": to_dict(model), "objective": objective, "optimizer": optimizer}
    return train_config(values | updates)


def codec_file(folder: pathlib.Path) -> pathlib.Path:
    """A random codec, as s2mel wants a trained one."""
    path = folder / "codec.safetensors"
    if not path.exists():
        write_network(path, random_params()["semantic_codec"])
    return path


@functools.cache
def random_params() -> dict[str, Any]:
    """Every network of the tiny model."""
    return init_random(tiny_model(), 7)


def draw_params(objective: Any, seed: int = 0) -> dict[str, Any]:
    """Parameters of an objective's shapes, by their names; compiling the modules' own initialisers takes too long."""

    def draw(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
        name = "/".join(str(part.key) for part in path)
        if name.endswith(("scale", "gamma", "var", "usage")):
            return np.ones(leaf.shape, np.float32)
        if name.endswith(("bias", "mean", "alpha", "beta")):
            return np.zeros(leaf.shape, np.float32)
        if name.endswith("_filter"):
            return kaiser_sinc_filter()
        rng = np.random.default_rng([seed, *name.encode()])
        fan_in = np.prod(leaf.shape[:-1][-2:]) if name.endswith("kernel") else 4.0
        return (rng.standard_normal(leaf.shape) / np.sqrt(fan_in)).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(objective.init, jax.random.key(0)))


def first_batch(objective: Any, size: int = 4, training: bool = True, seed: int = 0) -> dict[str, np.ndarray]:
    utterances = objective.data.indices("train")[:size]
    return objective.batch(utterances, np.random.default_rng(seed), training)


def on_device(batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
    """What the loss is given where nothing compiles it."""
    return {name: jnp.asarray(array) for name, array in batch.items()}


def tiny_objective(network: str, data: DataSet, **updates: Any) -> Any:
    return build_objective(tiny_config(network, data, **updates), data)
