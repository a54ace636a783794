"""What the publisher's files look like, so that a file that is another one does not pass in silence.

Nothing here refuses: fine-tuned weights are as legitimate as the published ones. But tables of names and shapes cannot
see two tensors that changed places, or numbers that were spoiled; a size and a SHA-256 can.
"""

from collections.abc import Mapping
from typing import NamedTuple

from indextts2_jax.checkpoint.tensors import Digest


class Known(NamedTuple):
    """A published file: its name, its size in bytes, and how its SHA-256 begins."""

    name: str
    size: int
    sha256: str


FILES: dict[str, tuple[Known, ...]] = {
    "config": (
        Known("config.yaml", 2882, "ea9c2815"),
        Known("config.yaml", 2880, "c8a8c105"),  # the same without two trailing blanks
    ),
    "gpt": (Known("gpt.pth", 3484663079, "baaaeb8b"),),
    "s2mel": (Known("s2mel.pth", 1202198223, "aae1bb12"),),
    "tokenizer": (Known("bpe.model", 475997, "b2a5ce80"),),
    "feat1": (Known("feat1.pt", 57170, "f219cb44"),),
    "feat2": (Known("feat2.pt", 374866, "9c4292e9"),),
    "stats": (Known("wav2vec2bert_stats.pt", 9343, "c9c176c2"),),
    "w2v_bert": (Known("model.safetensors", 2322063736, "eb890c96"),),
    "semantic_codec": (Known("model.safetensors", 177183712, "ec947271"),),
    "campplus": (Known("campplus_cn_common.bin", 28036335, "3388cf5f"),),
    "bigvgan": (Known("bigvgan_generator.pt", 449228171, "e95ba259"),),
    "bigvgan_config": (Known("config.json", 1405, "88a1f47a"),),
    "qwen": (Known("model.safetensors", 1192135096, "11293257"),),
    "qwen_tokenizer": (Known("tokenizer.json", 11422654, "aeb13307"),),
}
"""By what a file is, at the revisions that `convert.fetch` pins. The configurations of w2v-bert and of the emotion
classifier are not known; their settings are all looked at."""

_SHARED = ("feat1", "feat2", "stats", "w2v_bert", "campplus", "bigvgan", "bigvgan_config", "qwen", "qwen_tokenizer")

FILES_OF_2_5: dict[str, tuple[Known, ...]] = {
    "config": (Known("config.yaml", 2860, "18adf417"),),
    "gpt": (Known("gpt.pth", 3259599833, ""),),
    "s2mel": (Known("s2mel.pth", 414908601, ""),),
    "semantic_codec": (Known("codec.pth", 607290935, ""),),
    "tokenizer": (Known("multilingual_zh_ja_yue_char_del.tiktoken", 907395, "74797963"),),
    **{part: FILES[part] for part in _SHARED},
}
"""The same of IndexTTS-2.5. Of some files only the size is known; its s2mel.pth has the tensors of IndexTTS-2's."""

OF_2_5 = {part: FILES_OF_2_5[part][0].size for part in ("gpt", "s2mel", "config")}
"""Sizes of its files that have the names of IndexTTS-2's."""

BY_VERSION = {"2": FILES, "2.5": FILES_OF_2_5}


class Verdict(NamedTuple):
    """What comparing said: the names of the files that are the published ones, and a sentence for each that is not."""

    same: list[str]
    different: list[str]
    unknown: list[str]
    """Files that the publisher has in another format, which cannot be compared."""


def compare(files: Mapping[str, tuple[str, Digest]], version: str = "2") -> Verdict:
    """Compares files with the published ones.

    Args:
      files: {what it is, a key of `FILES`: (its name, its digest)}; other keys are passed over.
      version: of IndexTTS, a key of `BY_VERSION`.
    """
    verdict = Verdict([], [], [])
    for part, (name, found) in files.items():
        known = BY_VERSION[version].get(part, ())
        if any(found.size == one.size and found.sha256.startswith(one.sha256) for one in known):
            verdict.same.append(name if all(one.sha256 for one in known) else f"{name} (its SHA-256 is not known)")
        elif known and _suffix(name) != _suffix(known[0].name):
            verdict.unknown.append(name)
        elif known:
            why = _difference(part, found, version)
            verdict.different.append(f"{name} is not the published {known[0].name}: {why}")
    return verdict


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _difference(part: str, found: Digest, version: str) -> str:
    known = BY_VERSION[version][part][0]
    for other, files in BY_VERSION.items():
        if other != version and found.size in {one.size for one in files.get(part, ())} - {known.size}:
            weights = f"its weights do not go with IndexTTS-{version}"
            return f"{found.size:,} bytes is the size of IndexTTS-{other}'s; {weights}"
    if found.size != known.size:
        return f"{found.size:,} bytes instead of {known.size:,}"
    return f"its SHA-256 begins {found.sha256[:8]} instead of {known.sha256}"
