"""The official program over the reduced checkpoint, for `record_golden.py`: its files, its construction, its chance.

Needs the official checkout on the import path, and what it imports; nothing else in the tests imports this.
"""

import contextlib
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.parity import own_inputs, reduced_checkpoint
from tests.parity.own_inputs import IdFrontend
from tests.parity.reduced_checkpoint import CONFIG, Shape

Tensors = Mapping[str, Mapping[str, np.ndarray]]
"""By published name, by component."""

# --- the checkpoint -------------------------------------------------------------------------------------------


def published_shapes() -> dict[str, dict[str, Shape]]:
    """Names and shapes of all tensors, by component, as the official modules have them at the reduced size."""
    from indextts.codec.maskgct_codec import build_semantic_codec
    from indextts.gpt.model_v2 import UnifiedVoice
    from indextts.s2mel.modules.bigvgan.bigvgan import BigVGAN
    from indextts.s2mel.modules.bigvgan.env import AttrDict
    from indextts.s2mel.modules.campplus.DTDNN import CAMPPlus
    from indextts.s2mel.modules.commons import MyModel
    from omegaconf import OmegaConf
    from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

    config = OmegaConf.create(CONFIG)
    modules = {
        "w2v_bert": Wav2Vec2BertModel(Wav2Vec2BertConfig(**reduced_checkpoint.W2V_BERT)),
        "semantic_codec": build_semantic_codec(config.semantic_codec),
        "campplus": CAMPPlus(feat_dim=80, embedding_size=192),
        "gpt": UnifiedVoice(**config.gpt),
        "s2mel": MyModel(config.s2mel, use_gpt_latent=True),
        "bigvgan": BigVGAN(AttrDict(reduced_checkpoint.BIGVGAN)),
    }
    shapes = {
        component: {name: tuple(value.shape) for name, value in module.state_dict().items()}
        for component, module in modules.items()
    }
    shapes["w2v_bert"] |= {"stats.mean": (1024,), "stats.var": (1024,)}
    rows = sum(CONFIG["emo_num"])
    shapes["emotion"] = {"feat1": (rows, 192), "feat2": (rows, CONFIG["gpt"]["model_dim"])}
    return shapes


def write_checkpoint(folder: pathlib.Path, tensors: Tensors) -> dict[str, str]:
    """Writes the published files. Returns where the auxiliary models are, for the official constructor."""
    from omegaconf import OmegaConf
    from safetensors.numpy import save_file

    def torches(named: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(np.array(value)) for name, value in named.items()}

    OmegaConf.save(OmegaConf.create(CONFIG), folder / "config.yaml")
    torch.save(torches(tensors["gpt"]), folder / "gpt.pth")
    s2mel = torches(tensors["s2mel"])
    net = {
        part: {
            name.removeprefix(f"models.{part}."): s2mel[name] for name in s2mel if name.startswith(f"models.{part}.")
        }
        for part in ("cfm", "length_regulator", "gpt_layer")
    }
    torch.save({"net": net}, folder / "s2mel.pth")
    w2v_bert = {name: value for name, value in tensors["w2v_bert"].items() if not name.startswith("stats.")}
    statistics = torches({name: tensors["w2v_bert"][f"stats.{name}"] for name in ("mean", "var")})
    torch.save(statistics, folder / CONFIG["w2v_stat"])
    emotion = torches(tensors["emotion"])
    torch.save(emotion["feat1"], folder / CONFIG["spk_matrix"])
    torch.save(emotion["feat2"], folder / CONFIG["emo_matrix"])
    paths = {name: folder / name for name in ("w2v_bert", "bigvgan", "semantic_codec.safetensors", "campplus.bin")}
    for name, config in (("w2v_bert", reduced_checkpoint.W2V_BERT), ("bigvgan", reduced_checkpoint.BIGVGAN)):
        paths[name].mkdir()
        (paths[name] / "config.json").write_text(json.dumps(config))
    extractor = {"feature_size": 80, "num_mel_bins": 80, "padding_value": 1, "sampling_rate": 16000, "stride": 2}
    (paths["w2v_bert"] / "preprocessor_config.json").write_text(json.dumps(extractor))
    save_file(w2v_bert, paths["w2v_bert"] / "model.safetensors", metadata={"format": "pt"})
    save_file(dict(tensors["semantic_codec"]), paths["semantic_codec.safetensors"])
    torch.save(torches(tensors["campplus"]), paths["campplus.bin"])
    torch.save({"generator": torches(tensors["bigvgan"])}, paths["bigvgan"] / "bigvgan_generator.pt")
    return {name.partition(".")[0]: str(path) for name, path in paths.items()}


def check_loaded(tts: Any, tensors: Tensors) -> None:
    """The official loaders pass over tensors that do not fit: every one must be where it belongs.

    (Those of BigVGAN, which folds its weight norm when it is loaded, are loaded strictly.)
    """
    modules = {
        "w2v_bert": tts.semantic_model,
        "semantic_codec": tts.semantic_codec,
        "campplus": tts.campplus_model,
        "gpt": tts.gpt,
        "s2mel": tts.s2mel,
    }
    for component, module in modules.items():
        state = module.state_dict()
        for name, value in tensors[component].items():
            if name.startswith("stats."):
                continue
            np.testing.assert_array_equal(state[name].numpy(), value, err_msg=f"{component}/{name}")


class Tokenizer(IdFrontend):
    """The interface of the official tokenizer."""

    unk_token_id = -1

    def __init__(self, *arguments: Any) -> None:
        pass

    def split_segments(self, tokens: list[str], most: int, quick_streaming_tokens: int = 0) -> list[list[str]]:
        return self.segments(tokens, most, quick_streaming_tokens)

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return self.encode(tokens)


def load_program(folder: pathlib.Path, paths: dict[str, str]) -> Any:
    """The official program over a checkpoint."""
    from indextts import infer_v2

    with (
        mock.patch.object(infer_v2, "TextNormalizer", mock.MagicMock()),
        mock.patch.object(infer_v2, "TextTokenizer", Tokenizer),
    ):
        return infer_v2.IndexTTS2(
            cfg_path=str(folder / "config.yaml"),
            model_dir=str(folder),
            device="cpu",
            use_qwen_emo=False,
            aux_paths=paths,
        )


# --- chance ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def seeded_draws(noise_seed: int) -> Iterator[None]:
    """`torch.multinomial` of one segment: the n largest of log p + Gumbel noise, best first; steps count from 0."""
    step = 0

    def draw(p: torch.Tensor, num_samples: int) -> torch.Tensor:
        nonlocal step
        noise = torch.from_numpy(own_inputs.gumbel(noise_seed, step, p.numel())).view_as(p)
        step += 1
        return torch.topk(p.double().log() + noise, num_samples, dim=-1).indices

    with mock.patch.object(torch, "multinomial", draw):
        yield


@contextlib.contextmanager
def flow_from(noise: Callable[[int], np.ndarray]) -> Iterator[None]:
    """`torch.randn` gives `noise(frames)` [1, 80, frames]."""

    def randn(shape: list[int], device: Any = None) -> torch.Tensor:
        values = torch.from_numpy(noise(shape[2]).copy())
        assert values.shape == torch.Size(shape)
        return values

    with mock.patch.object(torch, "randn", randn):
        yield
