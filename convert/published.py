"""The published directory: where its files are.

A file may stand under the name that config.yaml gives it, or as safetensors of the same stem, which is preferred. The
four auxiliary models are looked for in `hf_cache` and beside config.yaml, in the layout that the official program
downloads to (indextts/utils/model_download.py) and in the hub's own, `models--OWNER--NAME/snapshots/REVISION`.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import sentencepiece

from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError

from .emotion_text import check_tokenizer, derive_classifier
from .read import PICKLES
from .sizes import Settings, derive_model, other_version

HOME = "IndexTeam/IndexTTS-2"
W2V_BERT, MASKGCT, CAMPPLUS = "facebook/w2v-bert-2.0", "amphion/MaskGCT", "funasr/campplus"
BIGVGAN = "nvidia/bigvgan_v2_22khz_80band_256x"

CLASSIFIER = "qwen0.6bemo4-merge"

_LARGEST_CONFIG = 1 << 20  # bytes


@dataclasses.dataclass(frozen=True)
class Part:
    """One file of a component; `prefix` and `bare` as `convert.read.open_component` takes them."""

    path: pathlib.Path
    prefix: str = ""
    bare: str = ""


@dataclasses.dataclass(frozen=True)
class Published:
    """A complete published directory."""

    model: ModelConfig
    components: Mapping[str, tuple[Part, ...]]
    """The weight files of each network."""
    tokenizer: bytes
    files: tuple[pathlib.Path, ...]
    """Everything that enters the artefact, configuration files included."""
    qwen_tokenizer: bytes | None = None
    """Of the emotion classifier, where the directory has one."""


def open_published(folder: pathlib.Path) -> Published:
    """Finds every file and derives the sizes of the networks; reads no weights.

    Raises:
      CheckpointError: all files that are missing, or all settings that this project does not implement, in one line.
    """
    if not folder.is_dir():
        raise CheckpointError(f"There is no published checkpoint at {folder}: no such folder.")
    if (folder / "manifest.json").exists():
        raise CheckpointError(f"{folder} is a converted checkpoint already; give the published files as the source.")
    search = _Search(folder)
    yaml_file = search.exactly(folder / "config.yaml", HOME)
    config = _read_yaml(yaml_file) if yaml_file.is_file() else {}
    if yaml_file.is_file() and (version := other_version(folder, config)):
        raise CheckpointError(f"{folder} holds {version}; only IndexTTS-2 can be converted.")

    files = {
        key: search.named(_file_name(config, key, default))
        for key, default in (
            ("gpt_checkpoint", "gpt.pth"),
            ("s2mel_checkpoint", "s2mel.pth"),
            ("w2v_stat", "wav2vec2bert_stats.pt"),
            ("spk_matrix", "feat1.pt"),
            ("emo_matrix", "feat2.pt"),
        )
    }
    tokenizer = search.exactly(folder / _file_name(config.get("dataset"), "bpe_model", "bpe.model"), HOME)
    w2v_bert = search.auxiliary(W2V_BERT, "w2v-bert-2.0/model.safetensors", "w2v-bert-2.0/pytorch_model.bin")
    codec = search.auxiliary(MASKGCT, "semantic_codec_model.safetensors", "semantic_codec/model.safetensors")
    campplus = search.auxiliary(CAMPPLUS, "campplus_cn_common.bin")
    bigvgan = search.auxiliary(BIGVGAN, "bigvgan/bigvgan_generator.pt")
    w2v_config = search.exactly(w2v_bert.parent / "config.json", W2V_BERT)
    bigvgan_config = search.exactly(bigvgan.parent / "config.json", BIGVGAN)
    qwen = folder / _file_name(config, "qwen_emo_path", CLASSIFIER) / "model.safetensors"
    has_qwen = os.path.isfile(qwen)
    if has_qwen:
        for name in ("config.json", "tokenizer.json"):
            search.exactly(qwen.with_name(name), HOME)
    search.finish()

    model = derive_model(
        Settings(yaml_file, config),
        Settings(w2v_config, _read_json(w2v_config)),
        Settings(bigvgan_config, _read_json(bigvgan_config)),
    )
    components = {
        "w2v_bert": (Part(w2v_bert), Part(files["w2v_stat"], prefix="stats.")),
        "semantic_codec": (Part(codec),),
        "campplus": (Part(campplus),),
        "gpt": (Part(files["gpt_checkpoint"]),),
        "s2mel": (Part(files["s2mel_checkpoint"], prefix="models."),),
        "bigvgan": (Part(bigvgan),),
        "emotion": (Part(files["spk_matrix"], bare="feat1"), Part(files["emo_matrix"], bare="feat2")),
    }
    weights = [part.path for parts in components.values() for part in parts]
    used = (yaml_file, w2v_config, bigvgan_config, tokenizer, *weights)
    published = Published(model, components, _read_tokenizer(tokenizer, model), used)
    return _with_classifier(published, qwen) if has_qwen else published


def _with_classifier(published: Published, weights: pathlib.Path) -> Published:
    """Adds the emotion classifier whose weights are `weights`."""
    settings, tokenizer = weights.with_name("config.json"), weights.with_name("tokenizer.json")
    names = ("generation_config.json", "tokenizer_config.json", "chat_template.jinja")
    beside = {name: weights.with_name(name) for name in names if os.path.isfile(weights.with_name(name))}
    generation, special = (_read_json(beside[name]) if name in beside else {} for name in names[:2])
    template = _read_small(beside[names[2]]) if names[2] in beside else special.get("chat_template")
    qwen = derive_classifier(
        Settings(settings, _read_json(settings)), generation, special, template if isinstance(template, str) else None
    )
    try:
        data = tokenizer.read_bytes()
    except OSError as error:
        raise CheckpointError(f"Cannot read {tokenizer}: {error.strerror or error}.") from None
    check_tokenizer(tokenizer, data, qwen)
    return dataclasses.replace(
        published,
        model=dataclasses.replace(published.model, qwen=qwen),
        components={**published.components, "qwen": (Part(weights, prefix="model."),)},
        files=(*published.files, weights, settings, tokenizer, *beside.values()),
        qwen_tokenizer=data,
    )


class _Search:
    """Looks for files and remembers all that are missing."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.missing: list[str] = []

    def exactly(self, path: pathlib.Path, home: str) -> pathlib.Path:
        return self._first([path], path, home)

    def named(self, name: str) -> pathlib.Path:
        path = self.folder / name
        return self._first(_spellings(path), path, HOME)

    def auxiliary(self, home: str, *names: str) -> pathlib.Path:
        """A file of the hub's repository `home`, by its usual path under hf_cache or by its name in the repository."""
        owner, repository = home.split("/")
        roots = [self.folder / "hf_cache", self.folder]
        places = [path for root in roots for name in names for path in _spellings(root / name)]
        for root in roots:
            bases = [root / repository, root / owner / repository, *_snapshots(root / f"models--{owner}--{repository}")]
            for base in bases:
                inside = [name.split("/", 1)[-1] for name in names] + list(names)
                places += [path for name in inside for path in _spellings(base / name)]
        return self._first(places, roots[0] / names[0], home)

    def _first(self, places: list[pathlib.Path], usual: pathlib.Path, home: str) -> pathlib.Path:
        for place in places:
            if os.path.isfile(place):  # unlike Path.is_file it takes what cannot be looked at for absent
                return place
        self.missing.append(f"{usual.relative_to(self.folder)} (from {home})")
        return usual

    def finish(self) -> None:
        if self.missing:
            raise CheckpointError(
                f"{self.folder} is not a complete published checkpoint; missing: {', '.join(self.missing)}."
            )


def _spellings(path: pathlib.Path) -> list[pathlib.Path]:
    return [path.with_suffix(suffix) for suffix in (".safetensors", path.suffix, *PICKLES)]


def _snapshots(repository: pathlib.Path) -> Iterator[pathlib.Path]:
    """The revision that the hub's cache calls main, or the only one.

    Raises:
      CheckpointError: several revisions, none of them main.
    """
    try:
        main = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        main = ""
    if main and (repository / "snapshots" / main).is_dir():
        yield repository / "snapshots" / main
        return
    revisions = sorted((repository / "snapshots").glob("*/"))
    if len(revisions) > 1:
        raise CheckpointError(
            f"{repository} holds {len(revisions)} revisions and does not say which is meant; keep one."
        )
    yield from revisions


def _file_name(config: Any, key: str, default: str) -> str:
    """Only the last part of what the configuration says: published ones have named folders of the author's machine."""
    value = config.get(key) if isinstance(config, Mapping) else None
    return pathlib.PurePosixPath(value.replace("\\", "/")).name or default if isinstance(value, str) else default


def _read_yaml(path: pathlib.Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise CheckpointError(f"Reading {path.name} needs PyYAML: pip install 'indextts2_jax[convert]'.") from None
    try:
        value = yaml.safe_load(_read_small(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise CheckpointError(f"{path} is not readable YAML{f' (line {mark.line + 1})' if mark else ''}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not the configuration of a published checkpoint.")
    return value


def _read_json(path: pathlib.Path) -> dict[str, Any]:
    try:
        value = json.loads(_read_small(path))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is not readable JSON.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not the configuration of a published model.")
    return value


def _read_small(path: pathlib.Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise CheckpointError(f"{path} is too large to be a configuration.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None


def _read_tokenizer(path: pathlib.Path, model: ModelConfig) -> bytes:
    try:
        data = path.read_bytes()
        pieces = sentencepiece.SentencePieceProcessor(model_proto=data).get_piece_size() if data else 0
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None
    except RuntimeError:
        raise CheckpointError(f"{path} is damaged or not a SentencePiece model.") from None
    if pieces != model.gpt.text_vocab:
        raise CheckpointError(f"{path} has {pieces} pieces, but the model was made for {model.gpt.text_vocab}.")
    return data
