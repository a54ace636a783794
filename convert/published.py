"""The published directory: its files (`convert.search`), its version (`convert.versions`), the sizes of its networks.

A file may stand under the name that config.yaml gives it, or as safetensors of the same stem, which is preferred.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import sentencepiece

from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError

from . import small_files, versions, vocabulary
from .emotion_text import check_tokenizer, derive_classifier
from .read import open_component
from .search import Search, children
from .sizes import Settings, derive_model
from .small_files import shown
from .versions import HOMES

CLASSIFIER = "qwen0.6bemo4-merge"
VOCABULARY = "multilingual_zh_ja_yue_char_del.tiktoken"


@dataclasses.dataclass(frozen=True)
class Part:
    """One file of a component; `prefix`, `bare` and `wrapping` as `convert.read.open_component` takes them."""

    path: pathlib.Path
    prefix: str = ""
    bare: str = ""
    wrapping: str = ""


@dataclasses.dataclass(frozen=True)
class Published:
    """A complete published directory."""

    model: ModelConfig
    components: Mapping[str, tuple[Part, ...]]
    """The weight files of each network."""
    tokenizer: bytes
    files: Mapping[str, pathlib.Path]
    """Everything that enters the artefact, configuration files included, by what it is (`convert.known.FILES`)."""
    notes: tuple[str, ...] = ()
    """What was chosen where there was a choice, a sentence each."""
    version: str = "2"
    """Of IndexTTS: a key of `versions.HOMES`."""
    qwen_tokenizer: bytes | None = None
    """Of the emotion classifier, where the directory has one."""


def open_published(folder: pathlib.Path, with_encoder: bool = False) -> Published:
    """Finds every file and derives the sizes of the networks; reads no numbers of a weight.

    Args:
      with_encoder: keep the codec's encoder where synthesis does without it.
    Raises:
      CheckpointError: all files that are missing, or all settings that this project does not implement, in one line;
        another version of IndexTTS.
    """
    try:
        return _open(folder, with_encoder)
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename or folder}: {error.strerror or error}.") from None


def _open(folder: pathlib.Path, with_encoder: bool) -> Published:
    try:
        os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"There is no published checkpoint at {folder}: no such folder.") from None
    if (folder / "manifest.json").exists():
        raise CheckpointError(f"{folder} is a converted checkpoint already; give the published files as the source.")
    given, folder = folder, _home(folder)
    search = Search(folder)
    if folder != given:
        search.notes.append(f"{given} has no config.yaml; that in {folder} is taken.")
    yaml_file = search.exactly(folder / "config.yaml")
    config = small_files.read_yaml(yaml_file) if yaml_file.is_file() else {}
    settings = Settings(yaml_file, config)
    gpt, version = _gpt(search, _file_name(config, "gpt_checkpoint", "gpt.pth"), settings)
    search.home = HOMES[version]
    files = {
        part: search.named(part, _file_name(config, key, default))
        for part, key, default in (
            ("s2mel", "s2mel_checkpoint", "s2mel.pth"),
            ("stats", "w2v_stat", "wav2vec2bert_stats.pt"),
            ("feat1", "spk_matrix", "feat1.pt"),
            ("feat2", "emo_matrix", "feat2.pt"),
        )
    }
    w2v_bert, campplus, bigvgan = map(search.auxiliary, ("w2v_bert", "campplus", "bigvgan"))
    if version == "2":
        codec = search.auxiliary("semantic_codec")
        tokenizer = search.exactly(folder / _file_name(config.get("dataset"), "bpe_model", "bpe.model"))
    else:  # what its config.yaml says of a tokenizer is left over from IndexTTS-2
        codec = search.named("semantic_codec", "codec.pth")
        tokenizer = search.exactly(folder / VOCABULARY)
    w2v_config, bigvgan_config = search.beside(w2v_bert, "w2v_bert"), search.beside(bigvgan, "bigvgan")
    qwen = search.classifier(_file_name(config, "qwen_emo_path", CLASSIFIER))
    if qwen:
        for name in ("config.json", "tokenizer.json"):
            search.exactly(qwen.with_name(name))
    search.finish()

    model = derive_model(
        settings,
        Settings(w2v_config, small_files.read_json(w2v_config)),
        Settings(bigvgan_config, small_files.read_json(bigvgan_config)),
        version,
        with_encoder,
    )
    components = {
        "w2v_bert": (Part(w2v_bert), Part(files["stats"], prefix="stats.")),
        "semantic_codec": (Part(codec, wrapping="model" if version == "2.5" else ""),),
        "campplus": (Part(campplus),),
        "gpt": (Part(gpt, wrapping="model"),),
        "s2mel": (Part(files["s2mel"], prefix="models.", wrapping="net"),),
        "bigvgan": (Part(bigvgan, wrapping="generator"),),
        "emotion": (Part(files["feat1"], bare="feat1"), Part(files["feat2"], bare="feat2")),
    }
    parts = {"w2v_bert": w2v_bert, "semantic_codec": codec, "campplus": campplus, "gpt": gpt, "bigvgan": bigvgan}
    used = {"config": yaml_file, "w2v_config": w2v_config, "bigvgan_config": bigvgan_config, "tokenizer": tokenizer}
    published = Published(
        model, components, _read_tokenizer(tokenizer, model), {**used, **parts, **files}, tuple(search.notes), version
    )
    return _with_classifier(published, qwen) if qwen else published


def _home(folder: pathlib.Path) -> pathlib.Path:
    """The folder with config.yaml: this one, or the only one below it in the layouts of hubs."""
    if os.path.isfile(folder / "config.yaml"):
        return folder
    found = [child for child in dict.fromkeys(children(folder)) if os.path.isfile(child / "config.yaml")]
    return found[0] if len(found) == 1 else folder


def _gpt(search: Search, name: str, settings: Settings) -> tuple[pathlib.Path, str]:
    """The GPT's file and its version, as its tensors say; where they say nothing config.yaml does.

    Of several files the first is taken that config.yaml has the vocabulary of.

    Raises:
      CheckpointError: it is of a version that cannot be converted, or config.yaml is of another.
    """
    found = search.all_named(name)
    claimed, why = versions.of_config(settings)
    wanted = versions.of_vocabulary(settings)
    others = {}
    for path in found if found[0].is_file() else []:
        version, tensor = versions.of_tensors(open_component(path, wrapping="model").shapes)
        if not version and (claimed not in HOMES or wanted not in ("", claimed)):
            break
        version = version or claimed
        if wanted and version != wanted:
            others[path] = f"{path} is of IndexTTS-{version} (it has {tensor})"
            continue
        if version != claimed:
            search.notes.append(
                f"{settings.path.name} is of IndexTTS-{claimed} ({why}), but {path.name} is of IndexTTS-{version} (it "
                f"has {tensor}), and taken for that."
            )
        search.notes += [f"{text}; it is left aside." for text in others.values()]
        return search.choose("gpt", [path, *(other for other in found if other not in (path, *others))]), version
    if others:
        own = HOMES["2" if wanted == "2.5" else "2.5"]
        number = shown(settings.get("gpt.number_text_tokens"))
        raise CheckpointError(
            f"{'; '.join(others.values())}, but {settings.path} is of IndexTTS-{wanted} (gpt.number_text_tokens is "
            f"{number}): put the config.yaml of {own} there."
        )
    if claimed not in HOMES:
        raise CheckpointError(
            f"{search.folder} holds IndexTTS-{claimed}; {versions.ONLY} ({settings.path.name}: {why})."
        )
    if wanted and wanted != claimed:
        raise CheckpointError(
            f"{settings.path} contradicts itself: {why}, but gpt.number_text_tokens is that of IndexTTS-{wanted}."
        )
    return found[0], claimed


def _with_classifier(published: Published, weights: pathlib.Path) -> Published:
    """Adds the emotion classifier whose weights are `weights`."""
    settings, tokenizer = weights.with_name("config.json"), weights.with_name("tokenizer.json")
    names = ("generation_config.json", "tokenizer_config.json", "chat_template.jinja")
    beside = {name: weights.with_name(name) for name in names if os.path.isfile(weights.with_name(name))}
    generation, special = (small_files.read_json(beside[name]) if name in beside else {} for name in names[:2])
    template = small_files.read_text(beside[names[2]]) if names[2] in beside else special.get("chat_template")
    qwen = derive_classifier(
        Settings(settings, small_files.read_json(settings)),
        generation,
        special,
        template if isinstance(template, str) else None,
    )
    data = small_files.read_bytes(tokenizer, small_files.LARGEST_TOKENIZER)
    check_tokenizer(tokenizer, data, qwen)
    used = {"qwen": weights, "qwen_config": settings, "qwen_tokenizer": tokenizer, **beside}
    return dataclasses.replace(
        published,
        model=dataclasses.replace(published.model, qwen=qwen),
        components={**published.components, "qwen": (Part(weights, prefix="model."),)},
        files={**published.files, **used},
        qwen_tokenizer=data,
    )


def _file_name(config: Any, key: str, default: str) -> str:
    """Only the last part of what the configuration says: published ones have named folders of the author's machine.

    Raises:
      CheckpointError: it says something that is no name of a file.
    """
    value = config.get(key) if isinstance(config, Mapping) else None
    if not isinstance(value, str):
        return default
    name = pathlib.PurePosixPath(value.replace("\\", "/")).name or default
    if name == ".." or len(name.encode("utf-8", "replace")) > 200 or not name.isprintable():
        raise CheckpointError(f"config.yaml: {key} is {shown(value)}, which names no file.")
    return name


def _read_tokenizer(path: pathlib.Path, model: ModelConfig) -> bytes:
    data = small_files.read_bytes(path, small_files.LARGEST_TOKENIZER)
    if model.text_frontend == "tiktoken":
        tokens = vocabulary.size(path, data)
        if tokens != model.gpt.text_vocab:
            raise CheckpointError(f"{path} has {tokens} tokens, but the model was made for {model.gpt.text_vocab}.")
        return data
    try:
        pieces = sentencepiece.SentencePieceProcessor(model_proto=data).get_piece_size() if data else 0
    except RuntimeError:
        raise CheckpointError(f"{path} is damaged or not a SentencePiece model.") from None
    if pieces != model.gpt.text_vocab:
        raise CheckpointError(f"{path} has {pieces} pieces, but the model was made for {model.gpt.text_vocab}.")
    return data
