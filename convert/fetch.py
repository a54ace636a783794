"""`indextts2 convert --fetch --source=DIR`: the published files, from the hub to where `open_published` looks for them.

Every repository is pinned to a revision: a file that is replaced upstream is not what was tested here. What lies in DIR
already is not fetched again; the library takes up a broken connection where it broke, but begins a file anew that a
process which was stopped had begun. HF_ENDPOINT names another hub, HF_TOKEN an account.
"""

import dataclasses
import fnmatch
import pathlib
from collections.abc import Sequence
from typing import Any

from indextts2_jax.errors import CheckpointError

from .published import CLASSIFIER, VOCABULARY
from .search import BIGVGAN, CAMPPLUS, MASKGCT, W2V_BERT
from .versions import HOMES


@dataclasses.dataclass(frozen=True)
class Repository:
    """What is needed of a repository of the hub, and where it goes."""

    name: str
    revision: str
    files: tuple[str, ...]
    """Names or patterns."""
    folder: str
    licence: str


_INDEX = "740dcaff396282ffb241903d150ac011cd4b1ede"
_INDEX_2_5 = "c39ce5ba981572cb187443877ff559dfb246ce63"
_BILIBILI = "bilibili Model Use License: free below 100 million users a month, conditions"

_FILES = (
    "config.yaml",
    "gpt.pth",
    "s2mel.pth",
    "wav2vec2bert_stats.pt",
    "feat1.pt",
    "feat2.pt",
    "LICENSE*",
    "README.md",
)

_SHARED = (
    Repository(
        W2V_BERT,
        "da985ba0987f70aaeb84a80f2851cfac8c697a7b",
        ("model.safetensors", "config.json"),
        "hf_cache/w2v-bert-2.0",
        "MIT",
    ),
    Repository(
        CAMPPLUS,
        "e4b6ede7ce16997aff4ae69fbca1f0175e2afede",
        ("campplus_cn_common.bin",),
        "hf_cache/campplus",
        "Apache-2.0",
    ),
    Repository(
        BIGVGAN,
        "633ff708ed5b74903e86ff1298cf4a98e921c513",
        ("bigvgan_generator.pt", "config.json"),
        "hf_cache/bigvgan_v2_22khz_80band_256x",
        "MIT",
    ),
)

_CODEC = Repository(
    MASKGCT,
    "265c6cef07625665d0c28d2faafb1415562379dc",
    ("semantic_codec/model.safetensors",),
    "hf_cache/MaskGCT",
    "CC BY-NC 4.0: not for commercial use, and so the whole is not",
)

HOME = HOMES["2"]
REPOSITORIES = (Repository(HOME, _INDEX, (*_FILES, "bpe.model"), "", _BILIBILI), _CODEC, *_SHARED)
_QWEN_LICENCE = f"{_BILIBILI}; made from Qwen3-0.6B, Apache-2.0"
QWEN = Repository(HOME, _INDEX, (f"{CLASSIFIER}/*",), "", _QWEN_LICENCE)
"""The emotion classifier, 1.2 GB that only emotion from text needs."""

BY_VERSION = {
    "2": (REPOSITORIES, QWEN),
    "2.5": (
        (
            Repository(HOMES["2.5"], _INDEX_2_5, (*_FILES, "codec.pth", VOCABULARY), "", _BILIBILI),
            *_SHARED,
        ),
        Repository(HOMES["2.5"], _INDEX_2_5, (f"{CLASSIFIER}/*",), "", _QWEN_LICENCE),
    ),
}
"""What is fetched of each version of IndexTTS, and the emotion classifier's repository."""


@dataclasses.dataclass(frozen=True)
class Planned:
    """A repository and the size of each file that is wanted of it."""

    repository: Repository
    sizes: dict[str, int]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


def plan(with_qwen: bool, version: str = "2") -> list[Planned]:
    """Asks the hub what there is of a version, a key of `BY_VERSION`.

    Raises:
      CheckpointError: huggingface_hub is missing, the hub cannot be reached, or a file is not there.
    """
    planned = []
    repositories, classifier = BY_VERSION[version]
    for repository in (*repositories, *([classifier] if with_qwen else [])):
        with_sizes = _ask(_hub().HfApi().model_info, repository, files_metadata=True)
        sizes = {one.rfilename: one.size or 0 for one in with_sizes.siblings or []}
        missing = [name for name in repository.files if not fnmatch.filter(sizes, name) and "*" not in name]
        if missing:
            raise CheckpointError(f"{repository.name} has no {missing[0]} at revision {repository.revision[:7]}.")
        wanted = {name: size for name, size in sizes.items() if any(fnmatch.fnmatch(name, f) for f in repository.files)}
        planned.append(Planned(repository, wanted))
    return planned


def table(planned: Sequence[Planned]) -> str:
    """What comes from where, under which licence, and how much it is."""
    rows = [
        f"  {one.bytes / 1e9:6.2f} GB  {one.repository.name}@{one.repository.revision[:7]} ({len(one.sizes)} files): "
        f"{one.repository.licence}"
        for one in planned
    ]
    return "\n".join([*rows, f"  {sum(one.bytes for one in planned) / 1e9:6.2f} GB in all"])


def run(planned: Sequence[Planned], folder: pathlib.Path) -> None:
    """Downloads what is missing. Raises `CheckpointError`."""
    for one in planned:
        target = folder / one.repository.folder
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"Cannot write to {target}: {error.strerror or error}.") from None
        _ask(_hub().snapshot_download, one.repository, local_dir=target, allow_patterns=sorted(one.sizes))
        for name, size in one.sizes.items():
            path = target / name
            if not path.is_file() or path.stat().st_size != size:
                raise CheckpointError(f"{path} did not arrive whole; run the same command again.")


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise CheckpointError("--fetch needs huggingface_hub: pip install 'indextts2_jax[convert]'.") from None
    return huggingface_hub


def _ask(call: Any, repository: Repository, **options: Any) -> Any:
    """The hub's errors are of many kinds, those of its HTTP library among them; each is one line here."""
    where = f"{repository.name} at revision {repository.revision[:7]}"
    try:
        return call(repository.name, revision=repository.revision, **options)
    except Exception as error:  # of the hub's library, its HTTP library and the system: they share no base
        reason = " ".join(str(error).split())[:200]
        advice = "run the same command again to go on"
        raise CheckpointError(f"Cannot fetch {where} ({type(error).__name__}: {reason}); {advice}.") from error
