"""run_inference.py as users run it: one command for speech, one clear line and exit code 2 for anything wrong."""

import contextlib
import dataclasses
import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from configs import chapters
from configs.demo import demo_settings
from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import speak
from indextts2_jax.config import replace
from indextts2_jax.errors import ConfigError
from tests.tiny import tiny_artefact, tiny_config, voice_clip

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = "--config=configs/tiny.py"
QUICK = ("--config.decode.max_mel_tokens=12", "--config.flow.steps=2")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """As a program."""
    command = [sys.executable, "run_inference.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.fixture
def call(capsys, monkeypatch):
    """`call(*arguments) -> (exit code, stdout, stderr)`, in this process."""
    monkeypatch.chdir(ROOT)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = speak.main(list(map(str, arguments)))
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, *voice_clip())
    return path


def test_speaks(voice, tmp_path):
    out, stages, text = tmp_path / "out.wav", tmp_path / "stages.npz", tmp_path / "text.txt"
    said = "Hello there. [pause:800ms] How are you?"
    text.write_text(said, encoding="utf-8")
    result = run(
        TINY, *QUICK, f"--speaker={voice}", f"--text_file={text}", f"--output={out}", f"--dump_stages={stages}"
    )
    assert result.returncode == 0, result.stderr
    audio, rate = soundfile.read(out, dtype="int16")
    assert rate == 22050 and len(audio) > 17640
    assert np.diff(np.flatnonzero(np.concatenate([[1], audio, [1]]))).max() > 17640  # samples of 800 ms
    assert "noise" in result.stderr and "real-time factor" in result.stdout and "flow_matching" in result.stdout
    with np.load(stages) as arrays:
        assert len(arrays["wav_int16"]) == len(audio) and arrays["codes"].shape[1] <= 12

    again = tmp_path / "again.wav"
    result = run(
        TINY,
        *QUICK,
        f"--speaker={voice}",
        f"--text={said}",
        f"--output={again}",
        f"--replay={stages}",
    )
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(soundfile.read(again, dtype="int16")[0], audio)


GOOD = {"config": "configs/tiny.py", "speaker": "VOICE", "text": "Hello.", "output": "OUT"}
BAD = {
    "no text": ({"text": None}, "--text"),
    "empty text": ({"text": "  "}, "empty"),
    "nothing speakable": ({"text": "?!..."}, "spoken"),
    "two texts": ({"text_file": "VOICE"}, "--text_file"),
    "no speaker": ({"speaker": None}, "--speaker"),
    "missing speaker": ({"speaker": "nowhere.wav"}, "nowhere.wav"),
    "not audio": ({"speaker": "README.md"}, "README.md"),
    "folder as speaker": ({"speaker": "docs"}, "docs"),
    "missing voice file": ({"speaker": "nobody.safetensors"}, "nobody.safetensors"),
    "missing emotion clip": ({"emotion_audio": "nowhere.wav"}, "nowhere.wav"),
    "short vector": ({"emotion_vector": "0,1"}, "emotion"),
    "negative vector": ({"emotion_vector": "0,0,-1,0,0,0,0,0"}, "sad"),
    "wordy vector": ({"emotion_vector": "a,b,c,d,e,f,g,h"}, "emotion_vector"),
    "unknown emotion": ({"emotion": "joyful:1"}, "happy, angry, sad"),
    "two emotions": ({"emotion": "sad:1", "emotion_audio": "VOICE"}, "--emotion and --emotion_audio"),
    "emotion and vector": ({"emotion_text": "sad", "emotion_vector": "0,0,1,0,0,0,0,0"}, "--emotion_vector"),
    "no emotion classifier": ({"emotion_from_text": "true"}, "hf download"),
    "alpha out of range": ({"emotion": "sad:1", "emotion_alpha": "3"}, "from 0 to 1"),
    "alpha not a number": ({"emotion_alpha": "much"}, "emotion_alpha"),
    "beams out of range": ({"config.decode.num_beams": "0"}, "num_beams"),
    "top_p out of range": ({"config.decode.top_p": "1.5"}, "top_p"),
    "temperature not a number": ({"config.decode.temperature": "hot"}, "temperature"),
    "unknown setting": ({"config.decode.beams": "3"}, "beams"),
    "unknown flag": ({"colour": "red"}, "colour"),
    "missing config": ({"config": "configs/nothing.py"}, "nothing.py"),
    "config is no program": ({"config": "README.md"}, "README.md"),
    "heads do not divide": ({"config.model.gpt.heads": "3"}, "gpt.heads"),
    "arrays into a folder": ({"dump_stages": "docs"}, "docs"),
    "negative seed": ({"seed": "-1"}, "seed"),
    "negative silence": ({"interval_silence": "-1"}, "interval_silence"),
    "factor out of range": ({"duration_factor": "3"}, "duration.factor"),
    "factor not a number": ({"duration_factor": "fast"}, "duration_factor"),
    "no duration at all": ({"target_duration": "0"}, "target_duration"),
    "factor and target": ({"duration_factor": "0.9", "target_duration": "3"}, "duration.target_seconds"),
    "negative redraws": ({"redraw": "-1"}, "redraw.attempts"),
    "redraws of a replay": ({"redraw": "1", "replay": "nowhere.npz"}, "--redraw"),
    "redraws of a stream": ({"redraw": "1", "stream": "true"}, "--redraw"),
    "loudness above full scale": ({"loudness": "3"}, "loudness"),
    "silence too short": ({"config.polish.max_silence_ms": "10"}, "polish.max_silence_ms"),
    "pause out of range": ({"text": "One [pause:99s] two."}, "[pause:99s]"),
    "pause that is none": ({"text": "One [pause:long] two."}, "[pause:long]"),
    "unwritable folder": ({"output": "README.md/out.wav"}, "README.md"),
    "no folder for the arrays": ({"dump_stages": "nowhere/run.npz"}, "nowhere/run.npz"),
    "unknown ending": ({"output": "out.ogg"}, "ogg"),
    "missing glossary": ({"glossary": "nowhere.yaml"}, "nowhere.yaml"),
    "missing replay": ({"replay": "nowhere.npz"}, "nowhere.npz"),
    "replay not npz": ({"replay": "README.md"}, "README.md"),
    "checkpoint beside random weights": ({"checkpoint": "docs"}, "--checkpoint"),
    "checkpoint in a random configuration": ({"config.checkpoint": "demo"}, "checkpoint is 'demo'"),
    "no checkpoint": ({"config": "configs/indextts2.py"}, "--checkpoint"),
    "no checkpoint in a file that says little": ({"config": "configs/chapters.py"}, "--checkpoint"),
    "missing checkpoint": ({"config": "configs/indextts2.py", "checkpoint": "nowhere"}, "nowhere"),
    "folder is no checkpoint": ({"config": "configs/indextts2.py", "checkpoint": "docs"}, "docs"),
    "folder is no checkpoint, no config": ({"config": None, "checkpoint": "docs"}, "docs"),
    "demo's settings for what is no checkpoint": ({"config": "configs/demo.py", "checkpoint": "docs"}, "docs"),
    "a weight without an emotion": ({"emotion_alpha": "0.5"}, "--emotion_alpha is the weight"),
    "emotion clip and vector": ({"emotion_audio": "VOICE", "emotion_vector": "0,0,1,0,0,0,0,0"}, "leave only one"),
    "raw into a file": ({"raw": "true"}, "--raw"),
    "times of another ending": ({"times": "out.txt"}, ".srt, .vtt or .json"),
    "times without an encoder": (
        {
            "config": "configs/tiny_2_5.py",
            "config.model.semantic_codec.encoder": "false",
            "times": "out.srt",
        },
        "--with_encoder",
    ),
    "times nowhere": ({"times": "README.md/out.srt"}, "README.md"),
    "streamed and recorded": ({"stream": "true", "dump_stages": "OUT"}, "--stream"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, voice, tmp_path, call, monkeypatch):
    if case != "nothing speakable":  # for all else no model is built
        monkeypatch.setattr(speak, "_load", None)
    changes, word = BAD[case]
    out = tmp_path / "out.wav"
    settings = {**GOOD, **changes}
    places = {"VOICE": voice, "OUT": out}
    flags = [f"--{key}={places.get(value, value)}" for key, value in settings.items() if value is not None]
    code, printed, err = call(*flags)
    assert code == 2, printed + err
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and word in errors[0], err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_bad_input_of_the_program(voice):
    result = run(TINY, f"--speaker={voice}", "--text=Hello", "world")
    assert result.returncode == 2 and "world" in result.stderr and "Traceback" not in result.stderr


# --- which checkpoint, with which settings --------------------------------------------------------------------

OWN = replace(demo_settings(), decode={"max_mel_tokens": 7}, checkpoint="")
CHAPTERS = chapters.get_config().to_dict()


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    return tiny_artefact(tmp_path_factory.mktemp("artefact") / "tiny", defaults=OWN)


CHOICES = {
    "the checkpoint's own": (["--checkpoint=ARTEFACT"], OWN, "ARTEFACT"),
    "changed": (
        ["--checkpoint=ARTEFACT", "--config.flow.steps=3", "--config.text.max_text_tokens_per_segment=40"],
        replace(OWN, flow={"steps": 3}, text={"max_text_tokens_per_segment": 40}),
        "ARTEFACT",
    ),
    "changed in other words": (
        ["--checkpoint", "ARTEFACT", "--config.flow.steps", "3", "--noconfig.decode.do_sample"],
        replace(OWN, flow={"steps": 3}, decode={"do_sample": False}),
        "ARTEFACT",
    ),
    "switched on": (
        ["--checkpoint=ARTEFACT", "--config.polish.trim_breath"],
        replace(OWN, polish={"trim_breath": True}),
        "ARTEFACT",
    ),
    "changed to what another model has": (
        ["--checkpoint=ARTEFACT", "--config.decode.num_beams=3", "--interval_silence=0"],
        replace(OWN, decode={"num_beams": 3}, interval_silence_ms=0),
        "ARTEFACT",
    ),
    "by flags": (
        ["--checkpoint=ARTEFACT", "--duration_factor=1.5", "--redraw=2", "--paragraph_pause=500"],
        replace(OWN, duration={"factor": 1.5}, redraw={"attempts": 2}, text={"paragraph_pause_ms": 500}),
        "ARTEFACT",
    ),
    "a duration by flag": (
        ["--checkpoint=demo", "--target_duration=12.5", "--config.polish.end_fade_ms=20"],
        replace(OWN, duration={"target_seconds": 12.5}, polish={"end_fade_ms": 20}),
        "demo",
    ),
    "a file that says little": (
        ["--checkpoint=ARTEFACT", "--config=configs/chapters.py", "--redraw=1"],
        replace(OWN, **{**CHAPTERS, "redraw": {"attempts": 1}}),
        "ARTEFACT",
    ),
    "by name": (["--checkpoint=demo"], OWN, "demo"),
    "neither config nor checkpoint": ([], OWN, "demo"),
    "the flag overrules the file": (
        ["--config=configs/chapters.py", "--checkpoint=ARTEFACT"],
        replace(OWN, **CHAPTERS),
        "ARTEFACT",
    ),
    "random weights": ([TINY], tiny_config(decode={"max_mel_tokens": 100}, flow={"steps": 25}), ""),
}


@pytest.mark.parametrize("case", CHOICES)
def test_which_settings_and_which_checkpoint(case, artefact, voice, monkeypatch, call):
    monkeypatch.setattr(bundled, "MODEL", artefact)
    given, config, checkpoint = CHOICES[case]
    seen = []

    def load(own, job):
        seen.append(job.chosen)
        raise ConfigError("so far")

    monkeypatch.setattr(speak, "_load", load)
    flags = [flag.replace("ARTEFACT", str(artefact)) for flag in given]
    code, _, err = call(*flags, f"--speaker={voice}", "--text=Hello.", "--output=-", "--compilation_cache=")
    assert code == 2 and "so far" in err
    place = checkpoint.replace("ARTEFACT", str(artefact))
    assert (seen[0].config, seen[0].checkpoint) == (dataclasses.replace(config, checkpoint=place), place)
    assert ("bundled model speaks" in err) is (not given)


def test_a_file_of_another_model_is_refused_at_once(artefact, voice, call):
    flags = [f"--checkpoint={artefact}", "--config=configs/indextts2.py", "--config.decode.max_mel_tokens=5000"]
    flags += [f"--speaker={voice}", "--text=Hello."]
    code, _, err = call(*flags)
    assert code == 2 and "decode.max_mel_tokens is 5000, but it must be at most" in err


def test_the_demo_needs_neither_checkpoint_nor_speaker(artefact, tmp_path, monkeypatch, call):
    monkeypatch.setattr(bundled, "MODEL", artefact)
    out = tmp_path / "out.wav"
    code, _, err = call(*QUICK, "--text=Hello there.", f"--output={out}", "--nokeep_memory")
    assert code == 0, err
    audio, rate = soundfile.read(out, dtype="int16")
    assert rate == 22050 and len(audio) > 0 and "random weights" not in err


def test_the_demo_where_it_is_not_installed(tmp_path, monkeypatch, call):
    monkeypatch.setattr(bundled, "MODEL", tmp_path / "nowhere")
    out = tmp_path / "out.wav"
    code, _, err = call("--config=configs/demo.py", "--text=Hello.", f"--output={out}")
    assert code == 2 and "error: The demo model is not part of this installation" in err and not out.exists()


@pytest.mark.parametrize("more", [(), ("--stream", "--config.decode.num_beams=1")], ids=["whole", "streamed"])
def test_times(more, voice, tmp_path, call):
    """Sentences, within what is heard; the pause between them belongs to none."""
    out, times = tmp_path / "out.wav", tmp_path / "out.json"
    text = "--text=Hello there. [pause:800ms] How are you?"
    code, _, told = call(TINY, *QUICK, f"--speaker={voice}", text, f"--output={out}", f"--times={times}", *more)
    assert code == 0, told
    first, second = json.loads(times.read_text("utf-8"))
    audio, rate = soundfile.read(out, dtype="int16")
    assert (first["text"], second["text"]) == ("Hello there.", "How are you?") and first["start"] == 0
    assert round(second["start"] - first["end"], 3) == 0.8
    assert second["end"] == pytest.approx(len(audio) / rate, abs=1e-3)
    assert not audio[round(first["end"] * rate) + 9 : round(second["start"] * rate) - 9].any()


# --- pipes in ---------------------------------------------------------------------------------------------------


def test_text_and_clip_from_the_pipe(voice, tmp_path, call, monkeypatch):
    """What comes by the pipe is spoken as what lies in a file."""
    files = [tmp_path / f"{name}.wav" for name in ("file", "text", "clip")]
    common = (TINY, *QUICK, "--nokeep_voices")
    assert call(*common, f"--speaker={voice}", "--text=Hello there.", f"--output={files[0]}")[0] == 0
    with piped("\ufeffHello there.".encode(), monkeypatch):
        assert call(*common, f"--speaker={voice}", "--text_file=-", f"--output={files[1]}")[0] == 0
    with piped(voice.read_bytes(), monkeypatch):
        assert call(*common, "--speaker=-", "--text=Hello there.", f"--output={files[2]}")[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes() == files[2].read_bytes()


@contextlib.contextmanager
def piped(data: bytes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        yield


@pytest.mark.parametrize(
    ("data", "arguments", "words"),
    [
        (b"", ("--speaker=VOICE", "--text_file=-"), "text is empty"),
        ("Café".encode("cp1252"), ("--speaker=VOICE", "--text_file=-"), "Cannot read standard input: it is not UTF-8"),
        ("Hello".encode("utf-16"), ("--speaker=VOICE", "--text_file=-"), "UTF-16; save it as UTF-8"),
        (b"", ("--speaker=-", "--text=Hello."), "'standard input' is an empty file"),
        (b"no audio at all", ("--speaker=-", "--text=Hello."), "'standard input' is not audio"),
        (b"RIFF", ("--speaker=-", "--text_file=-"), "--text_file and --speaker cannot both be read"),
        (b"RIFF", ("--speaker=VOICE", "--emotion_audio=-", "--text=Hello."), "'standard input'"),
        (None, ("--speaker=-", "--text=Hello."), "it is closed"),
        (None, ("--speaker=VOICE", "--text_file=-"), "it is closed"),
    ],
)
def test_bad_input_by_the_pipe(data, arguments, words, voice, tmp_path, call, monkeypatch):
    stdin = None if data is None else io.TextIOWrapper(io.BytesIO(data))
    monkeypatch.setattr(sys, "stdin", stdin)
    arguments = [argument.replace("VOICE", str(voice)) for argument in arguments]
    code, out, err = call(TINY, *arguments, f"--output={tmp_path}/out.wav")
    assert (code, out, err.count("\n")) == (2, "", 1) and words in err
    assert not list(tmp_path.iterdir())
