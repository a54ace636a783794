"""A play and a film on the bundled model: its own words at their times, one as loud as the other."""

import pytest
import soundfile
import soxr

from benchmarks import speech_metrics as metrics
from indextts2_jax.__main__ import main
from indextts2_jax.audio.loudness import Leveller
from indextts2_jax.checkpoint import bundled
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not bundled.MODEL.is_dir(), reason=f"the demo model is not there: {bundled.MODEL}")

FIRST = "Please bring me a glass of cold water."
SECOND = "We will meet you at the station on Monday morning."
FILM = ROOT / "examples" / "film.srt"


def test_a_film(tmp_path, capsys):
    output, lines = tmp_path / "film.wav", tmp_path / "lines"
    cast = FILM.with_name("cast.yaml")
    arguments = [f"--cast={cast}", f"--output={output}", f"--lines={lines}", "--length=8"]
    assert main(["script", str(FILM), "--checkpoint=demo", *arguments]) == 0
    assert "2 lines, 8.00 s" in capsys.readouterr().out
    audio, rate = soundfile.read(output, dtype="float32")
    assert len(audio) == 8 * rate and not audio[: round(0.7 * rate)].any()
    level, recogniser = Leveller(rate, -23.0), metrics.Recogniser()
    errors = []
    for start, name, text in ((0.7, "0001-BEN.wav", FIRST), (4.25, "0002-ANNA.wav", SECOND)):
        own = soundfile.read(lines / name, dtype="float32")[0]
        assert (audio[round(start * rate) :][: len(own)] == own).all()
        assert level.measure(own) == pytest.approx(-23.0, abs=1.0)  # with its pauses
        heard = recogniser.hear(soxr.resample(own, rate, metrics.RATE, quality="HQ"))
        errors.append(metrics.word_errors(text, heard))
    assert metrics.total(errors).rate <= 0.35
