"""The example of docs/scripts.md, by its own command: what it leaves in build/ is there to be listened to."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
import soundfile

from indextts2_jax.__main__ import main
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.subtitles import read_subtitles
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not bundled.MODEL.is_dir(), reason=f"the demo model is not there: {bundled.MODEL}")


def documented() -> list[str]:
    """The words of the command."""
    text = (ROOT / "docs" / "scripts.md").read_text("utf-8")
    found = re.search(r"<!-- example -->\n```bash\n(.*?)\n```", text, re.DOTALL)
    assert found, "docs/scripts.md has no example"
    return shlex.split(found[1].replace("\\\n", " "))


def test_the_example_is_spoken(monkeypatch):
    monkeypatch.chdir(ROOT)
    shutil.rmtree(ROOT / "build" / "play.project", ignore_errors=True)  # takes of other code
    program, *arguments = documented()
    assert program == "indextts2" and main(arguments) == 0
    audio, rate = soundfile.read(ROOT / "build" / "play.flac")
    lines = read_play((ROOT / "examples" / "play.txt").read_text("utf-8")).lines
    made = json.loads((ROOT / "build" / "play.project" / "project.json").read_text("utf-8"))["lines"]
    shown = read_subtitles((ROOT / "build" / "play.srt").read_text("utf-8")).lines
    assert rate == SAMPLING_RATE and [one["text"] for one in made] == [line.text for line in lines]
    assert len(audio) == round(made[-1]["end"] * rate)
    spoken = [re.sub(r"\[pause:.*?\] ?", "", line.text) for line in lines]
    assert " ".join(line.text for line in shown) == " ".join(spoken)
    for one, text in zip(made, spoken, strict=True):
        own = audio[round(one["start"] * rate) : round(one["end"] * rate)]
        per_character = len(own) / rate / len(text)
        assert 0.03 < per_character < 0.15 and np.sqrt(np.mean(own**2)) > 0.02, one
        caption = [line.cue for line in shown if line.text in text]
        assert caption and all(1000 * one["start"] <= a < b <= 1000 * one["end"] + 1 for a, b in caption)
    between = audio[round(made[1]["end"] * rate) : round(made[2]["start"] * rate)]  # they look up
    assert len(between) == rate and not between.any()
