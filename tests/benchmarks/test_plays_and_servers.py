"""The programs that measure `indextts2 script` and the server from outside, on what is quick."""

import json
import sys

import pytest

from benchmarks import script_heard, script_kill
from benchmarks import speech_metrics as metrics
from tests.benchmarks.test_scripts import main_of
from tests.conftest import SCRATCH
from tests.tiny import tiny_artefact

SPEAKER = """#!{python}
import pathlib, sys, time
import numpy as np, soundfile
play = pathlib.Path(sys.argv[4]).read_text().splitlines()
output = pathlib.Path(next(word for word in sys.argv if word.startswith("--output=")).partition("=")[2])
takes = output.parent / "play.project" / "takes"
takes.mkdir(parents=True, exist_ok=True)
for number, line in enumerate(play):
    if not (takes / f"{{number}}.json").exists():
        time.sleep(0.05)
        new = takes / f"{{number}}.new"
        new.write_text(line{spoils})
        new.rename(takes / f"{{number}}.json")
time.sleep(0.5)
soundfile.write(output, np.zeros(100 * len(play)), 22050)
"""
"""What stands for `python`: it speaks as `indextts2 script` does, take by take, and goes on where it was ended."""


@pytest.mark.parametrize(
    ("spoils", "differ"), [("", 0), (' + ("!" if number == 1 and "killed" in str(output) else "")', 1)]
)
def test_script_kill(spoils, differ, tmp_path, monkeypatch):
    """Runs are killed and begun again; a take that is another then is found."""
    program, report = tmp_path / "program", tmp_path / "report.json"
    program.write_text(SPEAKER.format(python=sys.executable, spoils=spoils))
    program.chmod(0o755)
    monkeypatch.setattr(script_kill.sys, "executable", str(program))
    monkeypatch.setattr(script_kill, "moments", lambda lines, kills: [(0, 0.0), (3, 0.02), (lines, 0.0)])
    given = (f"--folder={tmp_path / 'runs'}", "--lines=8", "--voices=2", "--kills=3", f"--json={report}")
    assert main_of("script_kill", *given) == differ
    told = json.loads(report.read_text())
    assert told["files_that_differ"] == differ and told["files_compared"] == 8 + 1
    assert len(told["killed_at_takes"]) == 3 and told["killed_at_takes"][-1] == 8


def test_script_heard(tmp_path, monkeypatch):
    """A recogniser that hears every word of a sentence, and 50 ms later than the even division of its time has it."""
    sentences = iter(script_heard.SENTENCES.read_text("utf-8").splitlines())

    class Whisper:
        heard = None

        def hear(self, audio):
            self.heard, text = (None, self.heard) if self.heard else (next(sentences),) * 2
            return text

        def words(self, audio):
            return [metrics.HeardWord(word.text, word.start + 0.05, word.end + 0.05) for word in spoken.pop(0)]

    spoken: list = []
    perform = script_heard.perform

    def performed(*given, **more):
        recital, audio = perform(*given, **more)
        spoken.extend(list(one.take.words) for one in recital.placed)
        return recital, audio

    monkeypatch.setattr(script_heard, "perform", performed)
    monkeypatch.setattr(metrics, "Whisper", Whisper)
    monkeypatch.setattr(metrics, "check_packages", lambda names: None)
    folder, path = tiny_artefact(tmp_path / "tiny"), tmp_path / "heard.json"
    assert main_of("script_heard", f"--checkpoint={folder}", "--lines=2", f"--json={path}") == 0
    told = json.loads(path.read_text())
    assert told["lines"] == 2 and told["difference, points"] == 0 and told["words compared"] == told["words"]
    assert told["both apart, median ms"] == pytest.approx(50) == told["starts later by, mean ms"]


def test_serving_soak(tmp_path, monkeypatch):
    """A quarter of a minute on the tiny model: nothing goes wrong, and the numbers are there."""
    monkeypatch.setenv("INDEXTTS2_CACHE", str(SCRATCH / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(SCRATCH / "xla"))
    path = tmp_path / "soak.json"
    sizes = ("--minutes=0.25", "--settle=0", "--every=5", "--clients=2", "--words=2")
    assert main_of("serving_soak", "--checkpoint=tiny", *sizes, f"--json={path}") == 0
    told = json.loads(path.read_text())
    assert told["faults"] == [] and told["restarts"] == 0 and told["rows"][0]["worker"] > 50 < told["rows"][0]["server"]
