"""Pauses, paragraphs, durations, redraws, polish and sinks on the tiny random model."""

import numpy as np
import pytest

from indextts2_jax import IndexTTS2
from indextts2_jax.audio import postprocess
from indextts2_jax.config import replace
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.pipeline import generation
from indextts2_jax.pipeline import speak as pipeline_speak
from indextts2_jax.pipeline.recording import StageRecorder
from indextts2_jax.s2mel.length_regulator import target_length
from indextts2_jax.synthesis import retry
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice, voice_clip

HOP, RATE, GAP = 256, 22_050, 2205
TWO = "One, two, three, four, five. Hello there."


def config(**updates):
    return tiny_config(**{"text": {"max_text_tokens_per_segment": 12}, "interval_silence_ms": 100, **updates})


def speak(text=TWO, **options):
    return tiny_synthesizer().synthesize(text, tiny_voice(), **options)


def lengths(speech) -> list[int]:
    """Samples of each segment, spoken as the reference does."""
    return [HOP * target_length(len(codes)) for codes in speech.codes]


# --- pauses -----------------------------------------------------------------------------------------------------


def test_a_pause_is_exact_and_changes_nothing_else():
    alone = speak("Hello there.", config=config())
    for milliseconds in (0, 333, 800):
        speech = speak(f"Hello there. [pause:{milliseconds}ms] Hello there.", config=config())
        gap = int(22.05 * milliseconds)
        assert len(speech.audio) == speech.samples == 2 * len(alone.audio) + gap
        np.testing.assert_array_equal(speech.audio[: len(alone.audio)], alone.audio)
        assert not speech.audio[len(alone.audio) : len(alone.audio) + gap].any()
        np.testing.assert_array_equal(speech.audio[len(alone.audio) + gap :], alone.audio)


def test_pauses_at_the_edges_and_between_paragraphs():
    text = "[pause:50ms]Hello there.\n\nHello there.[pause:70ms]"
    speech = speak(text, config=config(text={"paragraph_pause_ms": 400}))
    alone = speak("Hello there.", config=config())
    silence = sum(int(22.05 * ms) for ms in (50, 400, 70))
    assert len(speech.audio) == 2 * len(alone.audio) + silence
    assert not speech.audio[:1102].any() and not speech.audio[-1543:].any()


def test_bad_pauses_are_refused():
    with pytest.raises(TextError, match="pause"):
        speak("One [pause:99s] two.")


# --- sinks ------------------------------------------------------------------------------------------------------


def test_a_sink_gets_every_segment_as_it_is_spoken():
    seen: list[int] = []
    pieces: list[tuple[int, np.ndarray]] = []
    speech = speak(
        config=config(),
        progress=lambda state: seen.append(state.segment),
        sink=lambda audio: pieces.append((seen[-1], audio)),
    )
    whole = speak(config=config())
    assert [segment for segment, _ in pieces] == list(range(1, 1 + len(whole.segments))) != [1]
    np.testing.assert_array_equal(np.concatenate([audio for _, audio in pieces]), whole.audio)
    assert not len(speech.audio) and speech.samples == len(whole.audio) and speech.duration == whole.duration


def test_nothing_of_spoken_segments_is_kept():
    """Of forty segments at most two are alive at a time."""
    import gc
    import weakref

    alive: list[weakref.ref] = []
    most = 0

    def sink(audio):
        nonlocal most
        alive.append(weakref.ref(audio))
        gc.collect()
        most = max(most, sum(reference() is not None for reference in alive))

    quick = config(decode={"max_mel_tokens": 3}, flow={"steps": 1})
    speech = speak("Hello there. " * 20, config=quick, sink=sink)
    assert len(alive) == len(speech.segments) >= 10 and most <= 2


# --- duration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.37, 2.0])
def test_duration_factor(factor):
    plain, speech = speak(config=config()), speak(config=config(duration={"factor": factor}))
    for a, b in zip(plain.codes, speech.codes, strict=True):
        np.testing.assert_array_equal(a, b)  # the same words, faster or slower
    frames = [target_length(len(codes), factor) for codes in plain.codes]
    assert sum(frames) == pytest.approx(factor * sum(lengths(plain)) / HOP, rel=0.05)
    assert len(speech.audio) == HOP * sum(frames) + GAP * (len(frames) - 1)
    if factor == 1.0:
        np.testing.assert_array_equal(speech.audio, plain.audio)


@pytest.mark.parametrize("ratio", [0.65, 1.0, 1.7])
def test_target_duration_is_exact(ratio):
    plain = speak(config=config())
    seconds = round(ratio * plain.duration, 3)
    speech = speak(config=config(duration={"target_seconds": seconds}))
    assert len(speech.audio) == round(seconds * RATE)
    for a, b in zip(plain.codes, speech.codes, strict=True):
        np.testing.assert_array_equal(a, b)


def test_target_duration_with_all_that_takes_away():
    seconds = round(1.2 * speak(TWO, config=config()).duration, 3)
    settings = {
        "duration": {"target_seconds": seconds},
        "polish": {"trim_breath": True, "max_silence_ms": 50, "end_fade_ms": 20},
        "redraw": {"attempts": 1},
    }
    speech = speak(TWO + "[pause:123ms]", config=config(**settings))
    assert len(speech.audio) == round(seconds * RATE) and not speech.audio[-2712:].any()
    assert speech.draws == [2] * len(speech.segments)


def test_target_duration_out_of_range():
    plain = speak(config=config())
    for seconds in (0.3 * plain.duration, 3 * plain.duration):
        with pytest.raises(ConfigError, match="by itself"):
            speak(config=config(duration={"target_seconds": seconds}))


# --- drawing again ----------------------------------------------------------------------------------------------


@pytest.fixture
def chosen(monkeypatch) -> list[list[int]]:
    """The codes of every draw."""
    seen = []
    choose = generation.choose_codes

    def spy(*arguments, **options):
        result = choose(*arguments, **options)
        seen.extend(one.codes.tolist() for one in result)
        return result

    monkeypatch.setattr(generation, "choose_codes", spy)
    monkeypatch.setattr(retry, "audio_faults", lambda audio: ())
    return seen


def test_the_first_of_equally_bad_draws_is_taken(chosen, monkeypatch):
    monkeypatch.setattr(retry, "code_faults", lambda *_: (retry.Fault(2, "is odd"),))
    plain = speak("Hello there.", seed=4)
    again = speak("Hello there.", seed=4, config=tiny_config(redraw={"attempts": 2}))
    assert plain.draws == [1] and again.draws == [3]
    np.testing.assert_array_equal(again.audio, plain.audio)
    assert any("is odd, the best of 3 draws" in warning for warning in again.warnings)
    assert chosen[0] == chosen[1] and len({str(codes) for codes in chosen[1:]}) == 3


def test_the_first_good_draw_is_taken(chosen, monkeypatch):
    """The second draw of each segment passes: by a key of its own, and the report says why."""
    judged = []

    def faults(chosen, expected, config, evidence, *_):
        judged.append(chosen)
        return (retry.Fault(2, "is odd"),) if len(judged) % 2 else ()

    monkeypatch.setattr(retry, "code_faults", faults)
    speech = speak(seed=4, config=config(redraw={"attempts": 5}))
    count = len(speech.segments)
    assert speech.draws == [2] * count and len(chosen) == 2 * count
    assert [codes.tolist() for codes in speech.codes] == chosen[1::2] != chosen[::2]
    assert sum("drawn 2 times; before the last it is odd" in warning for warning in speech.warnings) == count
    again = speak("Hello there.", seed=4, config=config(redraw={"attempts": 5}))
    np.testing.assert_array_equal(again.codes[0], speech.codes[-1])  # whatever came before


def test_a_suspect_waveform_is_drawn_again(monkeypatch):
    calls = []

    def faults(audio):
        calls.append(len(audio))
        return (retry.Fault(3, "is all but silent"),) if len(calls) == 1 else ()

    monkeypatch.setattr(retry, "code_faults", lambda *_: ())
    monkeypatch.setattr(retry, "audio_faults", faults)
    speech = speak("Hello there.", config=tiny_config(redraw={"attempts": 3}))
    assert speech.draws == [2] and len(calls) == 2
    assert any("all but silent" in warning for warning in speech.warnings)


def test_greedy_speech_is_drawn_once():
    decode = {"do_sample": False, "num_beams": 1, "max_mel_tokens": 10}
    assert speak("Hello there.", config=tiny_config(decode=decode, redraw={"attempts": 3})).draws == [1]


def test_recorded_runs_are_drawn_once():
    with pytest.raises(ConfigError, match="recorded or replayed"):
        speak(record=StageRecorder(), config=tiny_config(redraw={"attempts": 1}))
    plain = tiny_synthesizer()
    own = replace(plain.config, redraw={"attempts": 3, "longest": 1.0, "shortest": 1.0})  # hardly any draw is good
    tts = IndexTTS2(plain.params, plain.model, plain.frontend, config=own, model_id=plain.model_id)
    assert tts.synthesize(TWO, tiny_voice()).draws[0] > 1
    assert tts.synthesize(TWO, tiny_voice(), record=StageRecorder()).draws == [1]
    stream = tts.stream(TWO, tiny_voice())
    assert sum(map(len, stream)) and set(stream.speech.draws) == {1} and stream.speech.warnings


# --- polish -----------------------------------------------------------------------------------------------------


def test_end_fade_of_every_segment():
    plain, faded = speak(config=config()), speak(config=config(polish={"end_fade_ms": 20}))
    assert len(plain.audio) == len(faded.audio)
    first = lengths(plain)[0]
    for end in (first, len(plain.audio)):
        assert faded.audio[end - 1] == 0.0
        np.testing.assert_array_equal(faded.audio[end - 441 - 100 : end - 441], plain.audio[end - 541 : end - 441])


def test_breath_is_not_vocoded(monkeypatch):
    monkeypatch.setattr(pipeline_speak, "breath_frames", lambda log_mel: 7)
    plain, trimmed = speak(config=config()), speak(config=config(polish={"trim_breath": True}))
    count = len(plain.segments)
    assert len(plain.audio) == sum(lengths(plain)) + GAP * (count - 1)
    assert len(plain.audio) - len(trimmed.audio) == count * 7 * HOP


def test_silences_are_shortened(monkeypatch):
    monkeypatch.setattr(postprocess, "silence_cuts", lambda audio, rate, most: [(len(audio) - int(most), int(most))])
    monkeypatch.setattr(postprocess, "cut_out", lambda audio, rate, cuts: audio[: cuts[0][0]])
    plain, short = speak(config=config()), speak(config=config(polish={"max_silence_ms": 60}))
    assert len(plain.audio) - len(short.audio) == len(plain.segments) * 60


@pytest.mark.parametrize(("settings", "expected"), [({"loudness_lufs": -27.0}, -27.0), ({"even_loudness": True}, None)])
def test_loudness_of_every_segment(settings, expected, monkeypatch):
    meter = pytest.importorskip("pyloudnorm", reason="the extra `loudness`").Meter(RATE)
    voice = voice_clip(1.0)[0]
    gains = iter([0.2, 0.5, 0.1, 0.9, 0.3, 0.6])
    monkeypatch.setattr(
        pipeline_speak, "speak_codes", lambda *given, **_: [np.float32(next(gains)) * voice for _ in given[3]]
    )
    speech = speak(config=config(polish=settings))
    starts = [index * (len(voice) + GAP) for index in range(len(speech.segments))]
    measured = [meter.integrated_loudness(speech.audio[s : s + len(voice)].astype(np.float64)) for s in starts]
    if expected is None:
        expected = meter.integrated_loudness(0.2 * voice.astype(np.float64))
    assert len(measured) > 1 and measured == pytest.approx([expected] * len(measured), abs=0.01)


def test_options_off_are_the_reference():
    """Written out, the defaults give what a configuration without them gives, bit by bit."""
    off = replace(
        config(),
        duration={"factor": 1.0, "target_seconds": 0.0},
        redraw={"attempts": 0},
        polish={"trim_breath": False, "max_silence_ms": 0, "even_loudness": False, "loudness_lufs": 0.0},
    )
    np.testing.assert_array_equal(speak(config=off).audio, speak(config=config()).audio)
