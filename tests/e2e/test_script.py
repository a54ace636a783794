"""A play and a film on the bundled model: its own words at their times, one as loud as the other."""

import pytest
import soundfile
import soxr

from benchmarks import speech_metrics as metrics
from indextts2_jax.__main__ import main
from indextts2_jax.audio.loudness import Leveller
from indextts2_jax.checkpoint import bundled

pytestmark = pytest.mark.skipif(not bundled.MODEL.is_dir(), reason=f"the demo model is not there: {bundled.MODEL}")

FIRST = "Please bring me a glass of cold water."
SECOND = "We will meet you at the station on Monday morning."
SRT = f"1\n00:00:00,700 --> 00:00:03,500\n<i>BEN:</i> {FIRST}\n\n2\n00:00:04,250 --> 00:00:06,000\n{SECOND}\n"


def test_a_film(tmp_path, capsys):
    (tmp_path / "film.srt").write_text(SRT, "utf-8")
    (tmp_path / "cast.yaml").write_text(f"Ben: {{voice: {bundled.voice_clip()}, speed: 1.1}}\n", "utf-8")
    output, lines = tmp_path / "film.wav", tmp_path / "lines"
    arguments = [f"--cast={tmp_path / 'cast.yaml'}", f"--output={output}", f"--lines={lines}", "--length=8"]
    assert main(["script", str(tmp_path / "film.srt"), "--checkpoint=demo", *arguments]) == 0
    assert "2 lines, 8.00 s" in capsys.readouterr().out
    audio, rate = soundfile.read(output, dtype="float32")
    assert len(audio) == 8 * rate and not audio[: round(0.7 * rate)].any()
    level, recogniser = Leveller(rate, -23.0), metrics.Recogniser()
    errors = []
    for start, name, text in ((0.7, "0001-BEN.wav", FIRST), (4.25, "0002-default.wav", SECOND)):
        own = soundfile.read(lines / name, dtype="float32")[0]
        assert (audio[round(start * rate) :][: len(own)] == own).all()
        assert level.measure(own) == pytest.approx(-23.0, abs=1.0)  # with its pauses
        heard = recogniser.hear(soxr.resample(own, rate, metrics.RATE, quality="HQ"))
        errors.append(metrics.word_errors(text, heard))
    assert metrics.total(errors).rate <= 0.35
