"""Scripts on the tiny model: fitted to the sample, and equal however often the run was killed."""

import contextlib
import dataclasses

import numpy as np
import pytest

from indextts2_jax import IndexTTS2
from indextts2_jax.audio.write import write_audio
from indextts2_jax.config import replace
from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.perform import perform
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.dialogue.takes import FolderTakes
from indextts2_jax.errors import ConfigError
from indextts2_jax.synthesis.request import Request
from tests import tiny_2_5
from tests.tiny import RATE, tiny_synthesizer, tiny_voice, voice_clip


def test_a_fit_is_told_what_the_speech_is_by_itself_and_met_to_the_sample():
    tts = tiny_synthesizer()
    plain = tts.synthesize("Hello there. [pause:300ms] You.", tiny_voice())
    silent = round(0.3 * 22050)
    told = []

    def fit(speech, silences):
        told.append((speech, silences))
        return round(1.2 * speech) + silences

    fitted = tts.speak(tts.check(Request("Hello there. [pause:300ms] You.", tiny_voice())), fit=fit)
    assert told == [(plain.samples - silent, silent)]
    assert fitted.samples == len(fitted.audio) == round(1.2 * told[0][0]) + silent
    assert all(map(np.array_equal, plain.codes, fitted.codes))


def test_cues_on_a_model():
    cast = Cast({}, Part(tiny_voice()))
    text = "".join(f"00:00:0{n}.3{n} --> 00:00:0{n}.9\nHello number {n}.\n\n" for n in range(3))
    recital, audio = perform(tiny_synthesizer(), read_subtitles(text), cast)
    assert [one.start for one in recital.placed] == [round((n + 0.3 + n / 100) * 22050) for n in range(3)]
    for one in recital.placed:
        found = audio[one.start : one.end]
        assert found.any() and 0 <= one.take.samples - one.take.spans[-1][1] < 256
        assert 0.75 <= one.take.factor <= 1.35
    assert len(audio) == recital.samples >= round(2.9 * 22050)


def test_a_play_on_a_model_that_cannot_tell_the_times_of_words():
    model = tiny_2_5.tiny_synthesizer().model
    model = dataclasses.replace(model, semantic_codec=dataclasses.replace(model.semantic_codec, encoder=False))
    tts = IndexTTS2.from_random(dataclasses.replace(tiny_2_5.tiny_config(), model=model))
    voice = tts.encode_voice(voice_clip())
    recital, audio = perform(tts, read_play("A: Hello there."), Cast({"A": Part(voice)}, Part(voice)))
    assert audio.any() and not recital.placed[0].take.words
    with pytest.raises(ConfigError, match="--with_encoder"):
        tts.heads(replace(tts.config, times={"words": True}))


class Killed(BaseException):
    pass


def test_killed_and_killed_again(tmp_path, monkeypatch):
    """It ends as a run that was not disturbed: the same takes, bit by bit, though batches are shared."""
    for name, pitch in (("low", 110.0), ("high", 190.0)):
        write_audio(tmp_path / f"{name}.wav", voice_clip(1.5, pitch)[0], RATE)
    cast = Cast({"Anna": Part(str(tmp_path / "high.wav"))}, Part(str(tmp_path / "low.wav")))
    script = read_play("".join(f"Anna: Line {'one ' * (n % 3)}{n}.\nAnd {n}.\n\n" for n in range(5)))
    expected = perform(tiny_synthesizer(), script, cast, at_once=4)
    put, deaths = FolderTakes.put, []

    def dies(self, take, audio):
        """Before it keeps a take, behind it, or between the sound and what says that it is there."""
        if len(deaths) == 10:
            put(self, take, audio)
            return
        deaths.append(take.key)
        if len(deaths) % 3 == 1:
            put(self, take, audio)
        elif len(deaths) % 3 == 2:
            write_audio(self.folder / f"{take.key}.flac", audio[: len(audio) // 2])
        raise Killed

    monkeypatch.setattr(FolderTakes, "put", dies)
    found = None
    while found is None:
        with contextlib.suppress(Killed):
            found = perform(tiny_synthesizer(), script, cast, at_once=4, takes=FolderTakes(tmp_path / "takes"))
    assert len(deaths) == 10 and len(set(deaths)) == 4
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])
