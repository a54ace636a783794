"""The artefact's manifest: the size and SHA-256 of every file, and the memory of which files have passed.

Hashing six gigabytes takes seconds, so a note in the user's cache folder keeps the sizes and times of files that
passed; while those stay the same the files count as unchanged. A disk that rots changes neither, so each load hashes
one file, drawn by chance: of N files one that rotted is found at the Nth load on average, and from then on always.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import pathlib
import random
import time
from collections.abc import Mapping, Set
from typing import Any

from indextts2_jax.checkpoint.tensors import Digest, digest_file, write_bytes
from indextts2_jax.errors import CheckpointError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.runtime.cache import cache_folder

NAME = "manifest.json"
FORMAT = "indextts2_jax"
VERSION = 1

_LARGEST_JSON = 1 << 20  # bytes
_RACY_NS = 100_000_000  # a file younger than this could still change without changing its times


def identity(folder: pathlib.Path) -> str:
    """Of an artefact's weights, wherever they lie."""
    return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def write_json(path: pathlib.Path, value: Mapping[str, Any]) -> Digest:
    """Writes a file that `read_json` accepts. Raises OSError."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **value}, indent=1, ensure_ascii=False)
    return write_bytes(path, (text + "\n").encode())


def read_json(folder: pathlib.Path, name: str) -> dict[str, Any]:
    """A JSON file of an artefact of this version.

    Raises:
      CheckpointError: absent, unreadable, damaged, not ours, or of another version.
    """
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise CheckpointError(f"{path} is too large to be one of ours.")
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} is not a converted checkpoint: it has no {name}; make one with indextts2 convert."
        ) from None
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is damaged; convert the checkpoint again.") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not part of an artefact of this project; make one with indextts2 convert.")
    if value.get("version") != VERSION:
        raise CheckpointError(
            f"{folder} is an artefact of version {value.get('version')!r}, this program reads version {VERSION}; "
            "convert the checkpoint again."
        )
    return value


def write(folder: pathlib.Path, files: Mapping[str, Digest]) -> None:
    """Writes the manifest of `files`, the last of the folder. Raises OSError."""
    write_json(folder / NAME, {"files": {name: digest._asdict() for name, digest in files.items()}})


def read(folder: pathlib.Path, names: set[str], optional: Set[str] = frozenset()) -> dict[str, Digest]:
    """The digests of the files `names`, and of those of `optional` that are listed; their sizes on the disk agree.

    Raises:
      CheckpointError: a damaged manifest, or a list of all files that are absent or of another size.
    """
    damaged = CheckpointError(f"{folder / NAME} is damaged; convert the checkpoint again.")
    listing = read_json(folder, NAME).get("files")
    if not isinstance(listing, dict) or not names <= set(listing) <= names | optional:
        raise damaged
    files, problems = {}, []
    for name, entry in listing.items():
        if not isinstance(entry, dict) or set(entry) != {"size", "sha256"}:
            raise damaged
        files[name] = Digest(**entry)
        try:
            size = (folder / name).stat().st_size
        except OSError as error:
            problems.append(f"{name}: {error.strerror or error}")
            continue
        if size != files[name].size:
            problems.append(f"{name} has {size} bytes instead of {files[name].size}")
    if problems:
        raise CheckpointError(f"{folder} is incomplete: {'; '.join(problems)}. Convert the checkpoint again.")
    return files


def compare(folder: pathlib.Path, files: Mapping[str, Digest]) -> None:
    """Hashes the files, two at a time (hashing lets go of the interpreter).

    Raises:
      CheckpointError: a list of all that differ.
    """
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = dict(zip(files, pool.map(lambda name: digest_file(folder / name), files), strict=True))
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename or folder}: {error.strerror or error}.") from None
    broken = [name for name in files if found[name] != files[name]]
    if broken:
        raise CheckpointError(
            f"{folder} is damaged: the SHA-256 of {', '.join(broken)} is not the one in {NAME}. "
            "Convert the checkpoint again."
        )


def compare_one(folder: pathlib.Path, files: Mapping[str, Digest]) -> None:
    """Hashes one of files that passed before. One that does not any more is forgotten, so that all are compared next.

    Raises:
      CheckpointError: it differs.
    """
    name = random.SystemRandom().choice(sorted(files))  # not the generator that a program may have seeded
    try:
        compare(folder, {name: files[name]})
    except CheckpointError:
        forget(folder)
        raise


def was_accepted(folder: pathlib.Path, files: Mapping[str, Digest], program: str) -> bool:
    """Whether these very files passed every check of this very program before, and have not been touched since."""
    try:
        return json.loads(_note(folder).read_bytes()) == {"program": program, "files": _state(folder, files)}
    except (OSError, ValueError, RecursionError):
        return False


def remember(folder: pathlib.Path, files: Mapping[str, Digest], program: str) -> None:
    """Notes that the files passed. A cache that cannot be written costs the time of checking again, nothing else."""
    try:
        state = _state(folder, files)
        if any(time.time_ns() - max(times) < _RACY_NS for _, *times in state.values()):
            return
        note = _note(folder)
        note.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(note) as new:
            new.write_text(json.dumps({"program": program, "files": state}), encoding="utf-8")
    except OSError:
        return


def forget(folder: pathlib.Path) -> None:
    """Takes back what `remember` noted, as far as the cache can be written."""
    with contextlib.suppress(OSError):
        _note(folder).unlink(missing_ok=True)


def _note(folder: pathlib.Path) -> pathlib.Path:
    return cache_folder("verified") / (hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32] + ".json")


def _state(folder: pathlib.Path, files: Mapping[str, Digest]) -> dict[str, list[Any]]:
    """SHA-256, size (never young) and times by name."""
    stats = {name: (folder / name).stat() for name in files}
    return {name: [files[name].sha256, s.st_size, s.st_mtime_ns, s.st_ctime_ns] for name, s in stats.items()}
