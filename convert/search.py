"""Where the published files lie, in the folders that people really have.

The files of the model itself lie beside config.yaml. Each auxiliary model is looked for in `hf_cache`, beside
config.yaml, and beside that folder, in the layouts that the official program, hubs and other programs leave:

    ROOT/bigvgan/bigvgan_generator.pt               the official program's downloader
    ROOT/NAME/…  ROOT/OWNER/NAME/…                  a repository's own folder
    ROOT/bigvgan/NAME/…                             the same one level down
    ROOT/models--OWNER--NAME/snapshots/REVISION/…   the hub's cache; also without `snapshots`

Of several files for one part the first that is whole is taken, and all of them are named.
"""

import dataclasses
import os
import pathlib
import stat
import zipfile
from collections.abc import Iterator, Sequence

from indextts2_jax.checkpoint.tensors import map_tensors
from indextts2_jax.errors import CheckpointError

from . import pickles
from .read import is_pointer
from .versions import HOMES

W2V_BERT, MASKGCT, CAMPPLUS = "facebook/w2v-bert-2.0", "amphion/MaskGCT", "funasr/campplus"
BIGVGAN = "nvidia/bigvgan_v2_22khz_80band_256x"

CONFIG = "config.json"


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """A model of the hub's repository `home`."""

    home: str
    loose: tuple[str, ...]
    """Its weights below a root, as the official program's downloader names them; the first is named where none is."""
    inside: tuple[str, ...]
    """Its weights in its repository."""
    folders: tuple[str, ...] = ()
    """Other names of the repository's folder, and of one around it."""
    has_config: bool = False
    """Whether its config.json is needed, which lies beside the weights."""


AUXILIARIES = {
    "w2v_bert": Auxiliary(
        W2V_BERT,
        ("w2v-bert-2.0/model.safetensors", "w2v-bert-2.0/pytorch_model.bin"),
        ("model.safetensors", "pytorch_model.bin"),
        ("w2v-bert", "w2v_bert"),
        has_config=True,
    ),
    "semantic_codec": Auxiliary(
        MASKGCT,
        ("semantic_codec_model.safetensors", "semantic_codec/model.safetensors"),
        ("semantic_codec/model.safetensors", "semantic_codec_model.safetensors", "model.safetensors"),
        ("maskgct", "semantic_codec"),
    ),
    "campplus": Auxiliary(CAMPPLUS, ("campplus_cn_common.bin",), ("campplus_cn_common.bin",), ("cam++",)),
    "bigvgan": Auxiliary(
        BIGVGAN, ("bigvgan/bigvgan_generator.pt",), ("bigvgan_generator.pt",), ("bigvgan", "BigVGAN"), has_config=True
    ),
}


class Search:
    """Looks for files; remembers all that are missing, and what there was to choose."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.home = HOMES["2"]
        """Where the model's own files come from."""
        self.missing: list[str] = []
        self.notes: list[str] = []
        """What was chosen where there was a choice, a sentence each."""
        self._denied: dict[pathlib.Path, str] = {}
        self._faults: dict[pathlib.Path, str | None] = {}
        around = folder.absolute().parent
        self._roots = [folder / "hf_cache", folder, around, around / "hf_cache"]
        if around.name == "snapshots":  # folder is a revision in the hub's cache, which holds the others too
            self._roots.append(around.parent.parent)

    def exactly(self, path: pathlib.Path) -> pathlib.Path:
        """This file of the model's own and no other."""
        return path if self._is_file(path) else self._absent(path, self.home)

    def all_named(self, name: str) -> list[pathlib.Path]:
        """A file beside config.yaml, in every format that it is there in, the best first; or one that is absent."""
        path = self.folder / name
        return self._sorted(self._distinct(_spellings(path)), False) or [self._absent(path, self.home)]

    def named(self, part: str, name: str) -> pathlib.Path:
        """The best of `all_named`; `part` is what it is, for a sentence about the others."""
        return self.choose(part, self.all_named(name))

    def auxiliary(self, part: str) -> pathlib.Path:
        """The weights of an auxiliary model, by its key in `AUXILIARIES`.

        Raises:
          CheckpointError: nothing but a hub's cache with several revisions, none of them main.
        """
        model = AUXILIARIES[part]
        flat, unclear, older = (self._distinct(places) for places in self._places(model))
        unclear = [path for path in unclear if not any(_same(path, other) for other in flat)]
        whole = [path for path in flat if self._fault(path) is None]
        if not whole:
            whole = [path for path in unclear or older if self._fault(path) is None]
            if len(whole) > 1:
                repository = next(path for path in whole[0].parents if path.name == "snapshots").parent
                raise CheckpointError(
                    f"{repository} holds {len(whole)} revisions and does not say which is meant; keep one."
                )
            unclear = [*unclear, *older]
        candidates = self._sorted([*flat, *unclear], model.has_config)
        if not candidates:
            return self._absent(self._roots[0] / model.loose[0], model.home)
        return self.choose(part, candidates, model.has_config)

    def classifier(self, name: str) -> pathlib.Path | None:
        """The weights of the emotion classifier, whose folder is called `name`; None where there are none."""
        places = [root / name / "model.safetensors" for root in (self.folder, *self._roots)]
        found = self._sorted(self._distinct(places), True)
        return self.choose("qwen", found, True) if found else None

    def beside(self, weights: pathlib.Path, part: str) -> pathlib.Path:
        """The config.json that belongs to the weights of an auxiliary model: beside them, or beside others of it."""
        model = AUXILIARIES[part]
        path = weights.with_name(CONFIG)
        if self._is_file(path):
            return path
        places = [place.with_name(CONFIG) for places in self._places(model) for place in places]
        found = self._distinct(list(dict.fromkeys(places)))
        if not found:
            return self._absent(path, model.home)
        self.notes.append(f"{part}: {self._name(weights)} has no {CONFIG} beside it; {self._name(found[0])} is taken.")
        return found[0]

    def choose(self, part: str, candidates: Sequence[pathlib.Path], has_config: bool = False) -> pathlib.Path:
        """The first, with a sentence about the others."""
        first, *others = candidates
        if others:
            why = [f"{self._name(path)}{self._reason(path, has_config)}" for path in others]
            self.notes.append(
                f"{part}: {len(candidates)} files could be meant. Taken is {self._name(first)}, and not "
                f"{' and not '.join(why)}. Remove what is not meant."
            )
        return first

    def _reason(self, path: pathlib.Path, has_config: bool) -> str:
        reason = self._fault(path) or (
            "it has no config.json beside it" if has_config and not _has_config(path) else ""
        )
        return f" ({reason})" if reason else ""

    def finish(self) -> None:
        """Raises `CheckpointError` for everything that is missing."""
        if self.missing:
            denied = sorted(self._denied, key=lambda path: not path.is_relative_to(self.folder))[:1]
            why = "".join(f"; cannot look at {path}: {self._denied[path]}" for path in denied)
            raise CheckpointError(
                f"{self.folder} is not a complete published checkpoint; missing: {', '.join(self.missing)}{why}."
            )

    def _absent(self, path: pathlib.Path, home: str) -> pathlib.Path:
        self.missing.append(f"{self._name(path)} (from {home})")
        return path

    def _name(self, path: pathlib.Path) -> str:
        """Below the folder, or whole."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)

    def _is_file(self, path: pathlib.Path) -> bool:
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except PermissionError as error:
            self._denied.setdefault(path, error.strerror or "no permission")
        except (OSError, ValueError):  # absent, a link in a circle, a name that no file has
            pass
        return False

    def _distinct(self, places: Sequence[pathlib.Path]) -> list[pathlib.Path]:
        """Those that are there, each file once."""
        found: list[pathlib.Path] = []
        for path in dict.fromkeys(places):
            if self._is_file(path) and not any(_same(path, other) for other in found):
                found.append(path)
        return found

    def _sorted(self, found: list[pathlib.Path], has_config: bool) -> list[pathlib.Path]:
        """Whole ones first, with their configuration before those without it; else in their order."""
        return sorted(found, key=lambda path: (self._fault(path) is not None, has_config and not _has_config(path)))

    def _fault(self, path: pathlib.Path) -> str | None:
        if path not in self._faults:
            self._faults[path] = fault(path)
        return self._faults[path]

    def _places(self, model: Auxiliary) -> tuple[list[pathlib.Path], list[pathlib.Path], list[pathlib.Path]]:
        """Everywhere that a model's weights may lie.

        Returns:
          Where it is clear that they are meant, revisions in a hub's cache that does not say which is, and revisions in
          one that says it is another.
        """
        flat = [path for root in self._roots[:2] for name in model.loose for path in _spellings(root / name)]
        unclear: list[pathlib.Path] = []
        older: list[pathlib.Path] = []
        owner, name = model.home.split("/")
        for root in self._roots:
            names = (name, name.replace(".", "___"))  # the second is ModelScope's
            around = (*names, *model.folders)
            hub = root / f"models--{owner}--{name}"
            bases = [root / folder for folder in around] + [root / owner / folder for folder in names]
            bases += [root / folder / name for folder in around]
            main, others = _revisions(hub)
            for base in (*bases, hub, *main):
                flat += [path for inside in model.inside for path in _spellings(base / inside)]
            for base in others:
                (older if main else unclear).extend(
                    path for inside in model.inside for path in _spellings(base / inside)
                )
        flat += [path for root in self._roots[2:] for name in model.loose for path in _spellings(root / name)]
        return flat, unclear, older


def fault(path: pathlib.Path) -> str | None:
    """Why a file of weights is none, as far as a short look shows; None for one that seems whole."""
    try:
        if not path.stat().st_size:
            return "it is empty"
        if is_pointer(path):
            return "it is a pointer of Git LFS"
        if path.suffix == ".safetensors":
            map_tensors(path)
            return None
        with open(path, "rb") as file:
            head = file.read(4)
        if head == b"PK\x03\x04" and not zipfile.is_zipfile(path):
            return "it is cut short"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except (CheckpointError, zipfile.BadZipFile):
        return "it is cut short, damaged or unreadable"
    return None if head == b"PK\x03\x04" or head[:1] == b"\x80" else "it is no torch file"


def _spellings(path: pathlib.Path) -> list[pathlib.Path]:
    return [path.with_suffix(suffix) for suffix in dict.fromkeys((".safetensors", path.suffix, *pickles.SUFFIXES))]


def _has_config(weights: pathlib.Path) -> bool:
    return os.path.isfile(weights.with_name(CONFIG))


def _same(first: pathlib.Path, second: pathlib.Path) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False


def _revisions(repository: pathlib.Path) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The folders of a hub's cache: (the revision that is called main, or the only one; the others)."""
    try:
        main = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        main = ""
    try:
        revisions = sorted(path for path in (repository / "snapshots").iterdir() if path.is_dir())
    except OSError:
        return [], []
    named = revisions if len(revisions) == 1 else [path for path in revisions if path.name == main]
    return named, [path for path in revisions if path not in named]


def children(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Folders below one that may be the published directory itself, where config.yaml does not lie in the one given."""
    hubs = [folder / f"models--{home.replace('/', '--')}" for home in HOMES.values()]
    for repository in (folder, *hubs):
        main, others = _revisions(repository)
        yield from main or others
    yield from hubs
    for home in HOMES.values():
        yield from (folder / home.split("/")[1], folder / home)
    yield folder / "checkpoints"
