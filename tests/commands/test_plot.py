"""Pictures of a speech."""

import builtins

import numpy as np
import pytest

from indextts2_jax.commands.plot import plot_speech
from indextts2_jax.errors import AudioError, ConfigError
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice

TEXT = "One, two, three, four, five. [pause:500ms] Hello there."


@pytest.fixture(scope="module")
def speech():
    config = tiny_config(text={"max_text_tokens_per_segment": 12}, interval_silence_ms=100)
    return tiny_synthesizer().synthesize(TEXT, tiny_voice(), config=config)


def test_the_spans_are_where_the_segments_are(speech):
    assert len(speech.spans) == len(speech.segments) > 1
    position = 0
    for (start, end), codes in zip(speech.spans, speech.codes, strict=True):
        assert start >= position and end - start == 256 * int(np.float32(len(codes)) * np.float32(1.72))
        assert not speech.audio[position:start].any() and speech.audio[start:end].any()
        position = end
    assert position == len(speech.audio)
    gap = speech.spans[-1][0] - speech.spans[-2][1]
    assert gap == int(22.05 * 500)


def test_a_picture_shows_what_was_spoken(speech, tmp_path):
    plot_speech(tmp_path / "out.svg", speech)
    drawn = (tmp_path / "out.svg").read_text("utf-8")
    assert "amplitude" in drawn and "mel bin" in drawn
    assert [path.name for path in tmp_path.iterdir()] == ["out.svg"]


def test_colours_of_the_picture_follow_the_audio(speech, tmp_path):
    from matplotlib.image import imread

    sound = 0.3 * np.sin(np.arange(len(speech.audio)) * 2 * np.pi * 3000 / 22_050).astype(np.float32)
    plot_speech(tmp_path / "own.png", speech)
    plot_speech(tmp_path / "tone.png", speech, sound)
    own, tone = imread(tmp_path / "own.png"), imread(tmp_path / "tone.png")
    assert own.shape[0] > 400 and np.abs(own[: tone.shape[0], : tone.shape[1]] - tone[: own.shape[0]]).mean() > 0.01


@pytest.mark.parametrize(("name", "message"), [("out.gif", "no name of a picture"), ("no/out.png", "no folder")])
def test_bad_places(speech, tmp_path, name, message):
    with pytest.raises(AudioError, match=message):
        plot_speech(tmp_path / name, speech)
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw(speech, tmp_path):
    with pytest.raises(AudioError, match="no audio"):
        plot_speech(tmp_path / "a.png", speech, np.zeros(3, np.float32))


def test_without_matplotlib(speech, tmp_path, monkeypatch):
    original = builtins.__import__

    def absent(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match="matplotlib"):
        plot_speech(tmp_path / "a.png", speech)
