"""Every script of benchmarks/ at its smallest size: that it runs, and writes what it says it writes."""

import contextlib
import importlib
import json
import pathlib
import runpy
import shutil
import subprocess
import sys
import types

import jax
import numpy as np
import pytest
import soundfile

from benchmarks import comparison, demo_systems, even_pace, gpu_settings, words_heard, worker
from benchmarks import speech_metrics as metrics
from benchmarks.stage_names import STAGES
from indextts2_jax import IndexTTS2
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import Config, replace
from indextts2_jax.pipeline import visits
from indextts2_jax.runtime import command_line
from indextts2_jax.text.frontend import build_frontend, words
from indextts2_jax.text.phonemes.frontend import PhonemeFrontend
from indextts2_jax.text.reading import read
from indextts2_jax.training.alignment import plain
from tests import tiny_2_5
from tests.conftest import SCRATCH
from tests.tiny import tiny_artefact, tiny_config, voice_clip
from tests.training.demo.fake_teacher import FakeTeacher

FOLDER = pathlib.Path(comparison.__file__).parent
ELSEWHERE = {
    "__init__": "is empty",
    "random_model": "makes the weights of gpu, scaling, precision, roofline",
    "stage_names": "is a list, of comparison and worker",
    "our_stages": "test_comparison.py runs each stage",
    "speech_metrics": "test_speech_metrics.py",
    "demo_voices": "test_demo_speech.py",
    "comparison": "is what the scripts of single stages run",
    "gpu_parts": "is what gpu runs",
    "gpu_compile": "test_gpu_compile.py",
    "gpu_program": "test_gpu_compile.py",
    "gpu_targets": "test_gpu_compile.py",
    "tpu_compile": "test_gpu_compile.py",
    "script_heard": "test_plays_and_servers.py",
    "script_kill": "test_plays_and_servers.py",
    "serving_soak": "test_plays_and_servers.py",
    "serving_fuzz": "serving/test_fuzz.py",
    "serving_process": "is what serving_fuzz and serving_soak run",
}
"""No program, or one that another file tries, and how."""
TRIED = set()
"""The programs that a test of this file runs; a name that is missing fails `test_none_is_forgotten`."""


def tries(*names: str):
    TRIED.update(names)
    return lambda test: test


def main_of(name: str, *arguments: str) -> int:
    """A program in this process, as its command line does it. Returns the exit code."""
    module = importlib.import_module(f"benchmarks.{name}")
    work = module.measure if name == "start" else module.main
    return command_line.run(work, module.define_flags, module.__doc__, list(arguments))


@pytest.fixture(autouse=True)
def _settings_of_jax(monkeypatch):
    """Programs say where JAX keeps what it compiles: children keep it with the tests, this process as it was."""
    monkeypatch.setenv("INDEXTTS2_CACHE", str(SCRATCH / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(SCRATCH / "xla"))
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    defaults = replace(Config(), decode={"max_mel_tokens": 60}, flow={"steps": 1})
    return tiny_artefact(tmp_path_factory.mktemp("artefact") / "tiny", defaults=defaults)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "voice.wav"
    soundfile.write(path, *voice_clip())
    return path


# --- tables and times -----------------------------------------------------------------------------------------


@tries("roofline")
def test_roofline(tmp_path, capsys):
    path = tmp_path / "floor.json"
    assert main_of("roofline", "--size=tiny", "--codes=41", "--prompt_seconds=2", f"--json={path}") == 0
    assert "H100, ms" in capsys.readouterr().out
    assert all(row["flops"] > 0 for row in json.loads(path.read_text()).values())


@tries("scaling")
def test_scaling(tmp_path):
    path = tmp_path / "scaling.json"
    sizes = ("--size=tiny", "--codes=4", "--codes=8", "--spoken=4", "--requests=2", "--prompt_seconds=1")
    assert main_of("scaling", *sizes, f"--json={path}") == 0
    made = json.loads(path.read_text())
    assert set(made["ms_per_code"]) == {f"{b} beam(s), {c} codes" for b in (1, 3) for c in (4, 8)}
    assert all(row["ratio"] > 0 for row in made["at_once"].values()) and len(made["at_once"]) == 3


@tries("precision")
def test_precision(tmp_path, capsys):
    """float32 is exact, the others are near, and each saves the memory that it should."""
    path = tmp_path / "precision.json"
    numbers = [f"--gpt={name}" for name in ("float32", "bfloat16", "int8")]
    numbers += [f"--others={name}" for name in ("float32", "bfloat16")]
    assert main_of("precision", "--size=tiny", "--codes=12", "--prompt_seconds=1", *numbers, f"--json={path}") == 0
    rows = json.loads(path.read_text())
    assert rows["gpt"]["float32"]["codes_agree"] == 1.0
    assert all(row["scores_cosine"] > 0.99 for row in rows["gpt"].values())
    assert 0.9 < rows["flow"]["bfloat16"]["mel_cosine"] < 1.0 == pytest.approx(rows["flow"]["float32"]["mel_cosine"])
    for network in rows.values():
        assert network["bfloat16"]["megabytes"] == pytest.approx(network["float32"]["megabytes"] / 2, rel=0.01)
    assert rows["gpt"]["int8"]["megabytes"] < rows["gpt"]["float32"]["megabytes"]
    assert "of the codes" in capsys.readouterr().out


@tries("omission")
def test_omission(tmp_path, capsys):
    path = tmp_path / "omission.json"
    assert main_of("omission", "--sentences=3", "--seeds=1", f"--json={path}") == 0
    told = json.loads(path.read_text("utf-8"))
    assert set(told) == {"whole", "end", "middle", "words", "cost"} and told["cost"] > 0
    assert told["whole"]["readings"] == 3 and told["words"]["by_all"] == 1.0
    assert capsys.readouterr().out.count("readings") == 4


@tries("visits")
def test_visits(tmp_path):
    path = tmp_path / "visits.json"
    assert main_of("visits", "--sentences=2", "--seeds=1", f"--json={path}") == 0
    told = json.loads(path.read_text("utf-8"))
    assert {row["kind"] for row in told} == {"cut", "copied", "skipped", "repeated"}
    used = {"first": visits.LEAST_SHARE, "again": visits.LEAST_AGAIN}
    assert all(row["readings"] == 2 for row in told)
    assert all(row["false alarms"] == 0 for row in told if row["threshold"] == used[row["by"]])
    assert max(row["recall"] for row in told if row["kind"] == "copied") > 0


class Metronome(IndexTTS2):
    """Speaks a segment in so many samples a letter, more of them in a longer one unless its pace is to be even; behind
    it is as much silence."""

    def __init__(self):
        pass

    def synthesize(self, text, voice, seed, config):
        audio, spans = [np.zeros(0, np.float32)], []
        for part in text.split("[pause:300ms]"):
            slow = 1000 if config["duration"]["even_pace"] else 800 + 4 * len(part)
            sound = np.full(len(part) * slow, 0.5, np.float32)
            start = sum(map(len, audio))
            spans.append((start, start + 2 * len(sound)))
            audio += [sound, np.zeros_like(sound)]
        return types.SimpleNamespace(audio=np.concatenate(audio), spans=spans, sampling_rate=22_050)


@tries("even_pace")
def test_even_pace(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.even_pace.IndexTTS2.from_pretrained", lambda name: Metronome())
    path = tmp_path / "pace.json"
    assert main_of("even_pace", "--readings=2", f"--json={path}") == 0
    told = json.loads(path.read_text("utf-8"))
    assert told["even"]["short, segments"] == told["even"]["long, segments"] == 6
    assert told["as it comes"]["long over short"] < 0.85 < 0.9 < told["even"]["long over short"] < 1.1


def test_segments_of_even_pace_are_not_cut():
    frontend = build_frontend("phonemes", (bundled.MODEL / "tokenizer.model").read_bytes())
    sentences = even_pace.SENTENCES.read_text("utf-8").splitlines()
    for part in (part for number in range(6) for part in even_pace.texts(sentences, number, 3)):
        assert len(read(frontend, part, max_tokens=even_pace.TOKENS).segments) == 1


@tries("words_heard")
def test_words_heard(tmp_path, monkeypatch, capsys):
    asked = []

    class Hearing:
        def rows(self, readings, setting):
            asked.append(setting)
            for kind, text, seed in readings:
                bad = setting == "off" and text == "Stop!" and seed == 0
                counts = {"words": 2, "missing": int(bad), "added": 0, "changed": 0}
                wanted = words_heard.wanted_by(['Segment 1 (3 text tokens) seems to pass over "Stop!".'] * bad)
                yield {"kind": kind, "text": text, "seed": seed, "setting": setting, "wanted_by": wanted, **counts}

    monkeypatch.setattr(words_heard, "Hearing", Hearing)
    monkeypatch.setattr(words_heard.metrics, "check_packages", lambda names: None)
    for _ in range(2):  # the second time all is there
        assert main_of("words_heard", f"--output={tmp_path}", "--seeds=1", "--hard_seeds=2") == 0
        last = [json.loads(line.split(" ", 2)[2]) for line in capsys.readouterr().out.splitlines()[-5:]]
        assert [row["left out"] for row in last] == [1, 1, 1, 0, 0] and last[0]["readings"] == 72 + 2 * 16
        assert [row["drawn again"] for row in last] == [0, 0, 0, 1, 1]
    assert asked.count("off") == 7 and asked[7:] == ["check_alignment", "both"]


@tries("word_times")
def test_word_times(tmp_path, capsys):
    """The bundled clip, its words' times shared out among what they sound like: the model finds them nearly so."""
    known = bundled.voice_text()
    frontend = PhonemeFrontend(bundled.MODEL / "tokenizer.model")
    tokens = frontend.tokenize(known.text)
    phones = [["pau", known.words[0][0]]]
    for (first, last), (start, end) in zip(words(tokens), known.words, strict=True):
        ends = np.linspace(start, end, last - first + 1)[1:]
        phones += [[plain(token), float(at)] for token, at in zip(tokens[first:last], ends, strict=True)]
    row = {"audio": "voice.flac", "text": known.text, "phones": [*phones, ["pau", 4.345]]}
    shutil.copy(bundled.voice_clip(), tmp_path / "voice.flac")
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    path = tmp_path / "times.json"
    assert main_of("word_times", f"--rows={tmp_path / 'rows.jsonl'}", f"--json={path}") == 0
    told = json.loads(path.read_text("utf-8"))
    assert told["recordings"] == 1 and told["borders"] == 2 * len(known.words)
    assert told["found"]["median"] < 0.04 < told["even division"]["median"] and told["found"]["within 120 ms"] > 0.9
    assert "heads ((" in capsys.readouterr().out


@tries("streaming")
def test_streaming(artefact, clip, tmp_path):
    path = tmp_path / "streaming.json"
    model = (f"--checkpoint={artefact}", f"--speaker={clip}")
    assert main_of("streaming", *model, "--sentences=1", "--repeats=1", f"--json={path}") == 0
    (row,) = json.loads(path.read_text())
    assert row["equal_length"] and row["chunks"] >= 1 and 0 < row["first_audio_s"] <= row["whole_s"]


@tries("serving")
def test_serving(artefact, clip, tmp_path):
    path = tmp_path / "serving.json"
    model = (f"--checkpoint={artefact}", f"--speaker={clip}")
    assert main_of("serving", *model, "--sentences=1", "--requests=4", "--clients=2", f"--json={path}") == 0
    (row,) = json.loads(path.read_text())
    assert row["failed"] == row["changed"] == 0 < row["first_audio_s"] and row["requests_per_second"] > 0
    assert main_of("serving", "--size=tiny", "--codes=6", "--rows=2", f"--json={path}") == 0
    row = json.loads(path.read_text())
    assert row["times"] == row["one_by_one_s"] / row["at_once_s"]


# --- a GPU, rehearsed on what is here -------------------------------------------------------------------------


NOT_OF_A_CPU = {"peak_gb", "floor_ms", "expected_ms"}
"""Figures that are None here: a CPU has no peaks in the roofline and does not say what its memory held."""


def empty(value, place=()):
    """Where a report has nothing."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [at for key, part in inner for at in empty(part, (*place, key))]
    return [] if value is not None and place[-1] != "failed" else [place]


@tries("gpu", "gpu_settings", "gpu_stages")
def test_gpu(tmp_path):
    """All of it, one request at once and a setting in a process of its own: no field is empty that a CPU can fill."""
    path = tmp_path / "gpu.json"
    sizes = ("--size=tiny", "--codes=20", "--prompt_seconds=1", "--at_once=1", "--seconds=3000")
    assert main_of("gpu", *sizes, "--settings=loops captured", f"--json={path}") == 0
    made = json.loads(path.read_text())
    assert made["operators"] == {"right": True, "wrong": []} and made["skipped"] == []
    found = [place for place in empty(made) if place[-1] not in NOT_OF_A_CPU]
    assert found == [("attention", "cudnn", "failed")]
    assert made["parity"]["codes_equal"] and made["parity"]["codes"] == 40
    assert max(made["parity"][f"{name}_max_error"] for name in ("mel", "waveform", "voice")) < 1e-3
    asked = {f"{beams}, {gpt}" for beams in ("3 beams", "1 beam") for gpt in ("bfloat16", "int8", "float32")}
    asked |= {f"{beams}, bfloat16, kernels of ours" for beams in ("3 beams", "1 beam")}
    assert set(made["ms_per_code"]) == asked and all(row["codes"] == 20 for row in made["ms_per_code"].values())
    assert made["requests"]["1"]["seconds_of_audio"] == 0.4 and made["requests"]["1"]["compiling_s"] > 0
    assert len(made["stages"]) == 13 and all(row["ms"] > 0 < row["launches_in_all"] for row in made["stages"].values())
    assert made["profile"]["codes"] == 19 and made["profile"]["launches_a_code"] > 10
    assert sum(kernel["ms"] for kernel in made["profile"]["kernels"]) <= made["profile"]["device_ms"] * (1 + 1e-9)
    assert made["attention"]["xla"]["ms"] > 0
    tried = made["settings"]["loops captured"]
    assert {tried[beams]["codes"] for beams in "31"} == {20}
    assert tried["flags"] == gpu_settings.SETTINGS["loops captured"]


def test_a_setting_that_xla_refuses_is_reported():
    made = gpu_settings.attempt("--xla_no_such_flag=true", {"job": "parity", "codes": 2, "steps": 1}, 60.0)
    assert "xla_no_such_flag" in made["failed"] and made["flags"] == "--xla_no_such_flag=true"


def test_a_setting_that_takes_too_long_is_reported():
    assert gpu_settings.attempt("", {"job": "parity", "codes": 2, "steps": 1}, 0.1)["failed"] == "not done after 0 s"


def test_failures_stand_in_their_place(tmp_path):
    from benchmarks.gpu import Report

    report = Report(str(tmp_path / "gpu.json"), 60.0)

    def fails():
        raise ValueError("no such tile\nand more")

    report.attempt("products", report.rows, "products", fails)
    report.seconds = 0.0
    report.attempt("later", report.rows, "later", fails)
    written = json.loads((tmp_path / "gpu.json").read_text())
    assert written["products"] == {"failed": "ValueError: no such tile"}
    assert written["skipped"] == ["later"] and "later" not in written


# --- beside the official modules ------------------------------------------------------------------------------


@tries("start", "worker")
def test_start(artefact, tmp_path):
    """Its processes are real ones, of `worker`."""
    path = tmp_path / "start.json"
    flags = (f"--artefact={artefact}", "--stage=semantic", "--codes=6", "--prompt_seconds=1", "--repeats=1")
    assert main_of("start", *flags, f"--json={path}") == 0
    made = json.loads(path.read_text())
    assert made["cold"]["compiling_s"] > made["cached"]["compiling_s"] >= 0 < made["disk"]["loaded_s"]


class Here:
    """What `comparison.Process` is, in this process: the same system, built by `worker`, without a pipe."""

    def __init__(self, options: dict) -> None:
        system, self.device, self.loaded_s = worker.build(options)
        self.stages, self.asked = system.stages(), []

    def run(self, stage: str) -> float:
        self.asked.append(stage)
        self.stages[stage]()
        return 1.0

    def stop(self) -> float:
        return 0.5


@tries("end_to_end", *STAGES["2"])
@pytest.mark.parametrize(
    "name, model", [("end_to_end", "2.5"), *((name, "2") for name in ("end_to_end", *STAGES["2"]))]
)
def test_comparison(name, model, artefact, clip, tmp_path, monkeypatch, capsys):
    """Our side of it, with a JSON file and, where it can be drawn, a picture."""
    if model == "2.5":
        artefact = tiny_2_5.tiny_artefact(tmp_path / "artefact")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "config.yaml").touch()
    sides = []
    monkeypatch.setattr(comparison, "Process", lambda options: sides.append(Here(options)) or sides[-1])
    drawn = importlib.util.find_spec("matplotlib") and name == "end_to_end"
    given = [f"--checkpoint={tmp_path / 'published'}", f"--artefact={artefact}", f"--speaker={clip}", "--codes=6"]
    given += [f"--model={model}", "--repeats=1", "--nokeep_memory", f"--json={tmp_path / 'out.json'}"]
    monkeypatch.setattr(sys, "argv", [name, *given, *([f"--plot={tmp_path / 'out.png'}"] if drawn else [])])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    assert end.value.code == 0, capsys.readouterr().err
    stages = [*STAGES[model], "end_to_end"] if name == "end_to_end" else [name]
    assert sides[0].asked == [stage for stage in stages for _ in range(2)]
    made = json.loads((tmp_path / "out.json").read_text())
    assert set(made["stages"]) == set(stages) - {"end_to_end"} and ("end_to_end" in made) == (name == "end_to_end")
    assert not drawn or (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_stage_that_the_model_has_not(tmp_path, monkeypatch, capsys):
    (tmp_path / "config.yaml").touch()
    monkeypatch.setattr(sys, "argv", ["second_pass", f"--checkpoint={tmp_path}", "--model=2.5"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("benchmarks.second_pass", run_name="__main__")
    assert end.value.code == 2 and "IndexTTS-2.5 has no stage second_pass" in capsys.readouterr().err


@tries("torch_peer", "torch_peer_2_5")
@pytest.mark.parametrize("model", list(STAGES))
def test_torch_peer(model, make_checkpoint, clip):
    """Needs the peer's modules (extra `peer` and the package that it names) and the small checkpoint of ../shared."""
    for name in ({"2": "indextts", "2.5": "indextts25"}[model], "torchaudio", "munch"):
        pytest.importorskip(name, reason="needs the extra `peer` and the peer's package")
    from benchmarks.torch_peer import TorchPeer
    from benchmarks.torch_peer_2_5 import TorchPeer25

    kind = {"2": TorchPeer, "2.5": TorchPeer25}[model]
    peer = kind(make_checkpoint(version=model), clip, np.arange(5, 20), codes=4, beams=1, threads=1)
    for stage in peer.stages().values():
        with contextlib.suppress(RuntimeError):  # random weights may stop early: then the comparison refuses
            stage()


# --- the bundled model beside its teacher: test_demo_speech.py has the parts ---------------------------------------


@tries("demo_systems")
def test_our_side_of_the_demo(clip, tmp_path):
    config = tiny_config(random_seed=1, decode={"max_mel_tokens": 12}, flow={"steps": 1})
    ours = demo_systems.Ours(None, config, ["Hello there."])
    take = ours.speak(tmp_path / "new" / "0.wav", "buzz", 4, "Hello there.", [ours.encode(clip)] * 3, seed=3)
    assert (take.system, take.voice, take.index, take.clip, take.seed) == ("ours", "buzz", 4, 1, 3)
    assert take.failure is None and take.took > 0 and soundfile.info(take.path).samplerate == 22050
    assert len(ours.encode_seconds) == 1


@tries("demo_speech", "demo_judge", "demo_report")
def test_demo_speech(tmp_path, monkeypatch, capsys):
    """All of it, with a teacher that hums: Whisper, the speaker encoder, DNSMOS and the tiny model; twice."""
    for name in (*metrics.PACKAGES, *metrics.RECOGNISERS["whisper"], "matplotlib"):
        pytest.importorskip(name, reason="needs the extra `eval`: pip install -e '.[eval]'")
    monkeypatch.setattr(demo_systems.teacher, "Teacher", FakeTeacher)
    given = ["--config=configs/tiny.py", "--config.decode.max_mel_tokens=12", "--config.flow.steps=1"]
    given += [f"--teacher={tmp_path}", f"--output={tmp_path}", "--limit=1", "--seeds=2", "--voices=af_heart,af_nova"]
    assert main_of("demo_speech", *given, "--groups=trained,kept,hard", f"--plot={tmp_path / 'out.png'}") == 0
    made = json.loads((tmp_path / "results.json").read_text())
    assert {(row["system"], row["voice"], row["group"]) for row in made["rows"]} == {
        (system, voice, group)
        for system in ("teacher", "ours")
        for voice, group in (("af_heart", "trained"), ("af_nova", "kept"), ("af_heart", "hard"), ("af_nova", "hard"))
    }
    assert len(made["rows"]) == 4 + 8 and (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "| words misheard, six training voices, % |" in capsys.readouterr().out
    written = (tmp_path / "rows.jsonl").read_text()
    assert main_of("demo_speech", *given, "--groups=trained,kept,hard") == 0
    assert (tmp_path / "rows.jsonl").read_text() == written
    assert main_of("demo_speech", *given, "--recogniser=pocketsphinx") == 2
    assert "was measured with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "--output"),
        (["--output=x"], "--teacher"),
        (["--output=x", "--teacher=y"], "--checkpoint"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--groups=kept,none"], "none"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--groups="], "nobody"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--voices=rms"], "rms"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--groups=kept", "--voices=af_heart"], "nobody"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--clips=nowhere"], "nowhere"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--sentences=nowhere.txt"], "nowhere.txt"),
        (["--output=x", "--teacher=y", "--checkpoint=demo", "--groups=hard", "--plot=out.png"], "--plot"),
    ],
)
def test_demo_speech_refuses(given, said, capsys):
    assert main_of("demo_speech", *given) == 2
    assert said in capsys.readouterr().err


# --- none is forgotten ----------------------------------------------------------------------------------------


def test_none_is_forgotten():
    """A new file of benchmarks/ fails here until it is tried, or it is said how it is."""
    there = {path.stem for path in FOLDER.glob("*.py")}
    assert there == TRIED | set(ELSEWHERE) and not TRIED & set(ELSEWHERE)


def test_the_shell_scripts_can_be_read():
    for path in [*FOLDER.glob("*.sh"), *(FOLDER.parent / ".ci").iterdir()]:
        assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0, path
