"""Streaming on the tiny random model: the codes and the length of the whole, in chunks without seams."""

import jax
import numpy as np
import pytest

from indextts2_jax.config import replace
from indextts2_jax.config.synthesis import StreamConfig
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.gpt import decode
from indextts2_jax.pipeline import chunks, generation, stages
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice

SMALL = {"first_codes": 6, "growth": 1.5, "held_back": 4, "fade_ms": 20}
TEXT = "One, two, three, four, five."


def config(**updates):
    return tiny_config(**{"stream": SMALL, "decode": {"max_mel_tokens": 60}, **updates})


def stream(text=TEXT, **options):
    chunks = tiny_synthesizer().stream(text, tiny_voice(), **{"config": config(), **options})
    return chunks, list(chunks)


def whole(text=TEXT, **options):
    return tiny_synthesizer().synthesize(text, tiny_voice(), **{"config": config(), **options})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"duration": {"factor": 1.3}},
        {"decode": {"max_mel_tokens": 60, "num_beams": 1}},
        {"decode": {"max_mel_tokens": 60, "num_beams": 1, "do_sample": False}},
    ],
    ids=["as configured", "slower", "one beam", "greedy"],
)
@pytest.mark.parametrize("seed", [0, 3])
def test_codes_and_length_are_those_of_the_whole(settings, seed):
    streamed, chunks = stream(config=config(**settings), seed=seed)
    expected = whole(config=config(**settings), seed=seed)
    speech = streamed.speech
    for a, b in zip(speech.codes, expected.codes, strict=True):
        np.testing.assert_array_equal(a, b)
    assert speech.samples == sum(map(len, chunks)) == len(expected.audio)
    assert speech.warnings == expected.warnings and speech.segments == expected.segments and speech.seed == seed
    assert all(chunk.dtype == np.float32 and len(chunk) for chunk in chunks)


def test_the_first_chunk_comes_before_the_rest_is_decoded(monkeypatch):
    """It is as long as `first_codes`, and no further code has been chosen by then than those held back."""
    steps = []
    run = decode._run
    monkeypatch.setattr(decode, "_run", lambda *args: steps.append(int(args[6])) or run(*args))
    settings = config(decode={"max_mel_tokens": 60, "num_beams": 1, "do_sample": False})
    chunks = tiny_synthesizer().stream(TEXT, tiny_voice(), config=settings)
    assert steps == []
    first = next(chunks)
    assert max(steps) == SMALL["first_codes"] + SMALL["held_back"] == 10
    assert len(first) == 256 * int(np.float32(6) * np.float32(1.72))
    rest = list(chunks)
    assert max(steps) > 10 and len(rest) > 1
    with pytest.raises(StopIteration):
        next(chunks)


def test_chunks_grow():
    settings = StreamConfig(first_codes=10, growth=2.0, largest_codes=40, held_back=5)
    stops = [15]
    while len(stops) < 6:
        stops.append(chunks.stop_after(stops[-1], settings))
    assert stops == [15, 35, 75, 115, 155, 195]
    assert chunks.stop_after(0, settings) == chunks.stop_after(14, settings) == 15


def test_segments_stream_in_order_with_their_silences():
    text, split = "Hello there. [pause:300ms] Hello there.", {"text": {"max_text_tokens_per_segment": 12}}
    streamed, chunks = stream(text, config=config(**split))
    audio, alone = np.concatenate(chunks), np.concatenate(stream("Hello there.", config=config(**split))[1])
    gap = int(22.05 * 300)
    assert len(streamed.speech.segments) == 2 and len(audio) == 2 * len(alone) + gap
    np.testing.assert_array_equal(audio[: len(alone)], alone)
    assert not audio[len(alone) : len(alone) + gap].any()
    np.testing.assert_array_equal(audio[len(alone) + gap :], alone)


def test_a_chunk_fades_into_the_next(monkeypatch):
    """With a vocoder that gives 1 in the first chunk and 0 later, the seam is a slope; without a fade it is a step."""
    calls = []

    def vocode(params, mel, frames, model):
        calls.append(int(frames[0]))
        return np.full((1, mel.shape[1] * 256), float(len(calls) == 1), np.float32)

    monkeypatch.setattr(stages, "vocode", vocode)
    settings = config(decode={"max_mel_tokens": 60, "num_beams": 1, "do_sample": False})
    chunks = list(tiny_synthesizer().stream(TEXT, tiny_voice(), config=settings))
    fade, second = 441, chunks[1]
    assert chunks[0].min() == 1.0 and second[0] > 0.99 and not second[fade:].any()
    assert np.all(np.diff(second[:fade]) <= 0) and np.abs(np.diff(second)).max() < 0.01

    calls.clear()
    hard = replace(settings, stream={**SMALL, "fade_ms": 0})
    assert not list(tiny_synthesizer().stream(TEXT, tiny_voice(), config=hard))[1].any()


def test_settings_that_need_whole_segments_are_refused_at_once():
    for settings, key in (
        ({"redraw": {"attempts": 1}}, "redraw.attempts"),
        ({"duration": {"target_seconds": 2.0}}, "duration.target_seconds"),
        ({"polish": {"end_fade_ms": 5}}, "polish"),
    ):
        with pytest.raises(ConfigError, match=key):
            tiny_synthesizer().stream(TEXT, tiny_voice(), config=config(**settings))
    with pytest.raises(TextError):
        tiny_synthesizer().stream("  ", tiny_voice())


def test_the_speech_is_known_at_the_end():
    chunks = tiny_synthesizer().stream(TEXT, tiny_voice(), config=config())
    next(chunks)
    with pytest.raises(ValueError, match="not ended"):
        _ = chunks.speech
    list(chunks)
    assert {"decode", "flow_matching", "vocoder", "latents", "length_regulator"} <= set(chunks.speech.seconds)


def test_settled_codes_of_beams_are_a_prefix_of_the_result():
    tts, settings = tiny_synthesizer(), config(decode={"max_mel_tokens": 60, "num_beams": 3})
    ids = np.array(tts.frontend.encode(tts.read(TEXT)[1][0]), np.int32)
    one = generation.Utterance(tiny_voice(), tiny_voice().emotion_own, ids, jax.random.key(0))
    fixed = (tts.params, settings, tts.model)
    seen = list(generation.stream_codes(*fixed, one, stops=lambda codes: codes + 3))
    assert [last for _, last in seen] == [False] * (len(seen) - 1) + [True]
    final = seen[-1][0].codes
    np.testing.assert_array_equal(final, generation.choose_codes(*fixed, [one])[0].codes)
    lengths = [len(chosen.codes) for chosen, _ in seen]
    assert len(seen) > 2 and lengths[:-1] == sorted(set(lengths[:-1])) and lengths[0] > 0
    for chosen, _ in seen:
        np.testing.assert_array_equal(chosen.codes, final[: len(chosen.codes)])


def test_the_demo_model_streams_close_to_the_whole_and_without_clicks():
    """7 dB: half of what another reading of the same sentence is apart."""
    from benchmarks.streaming import measure, spectral_distance
    from indextts2_jax import IndexTTS2
    from indextts2_jax.checkpoint import bundled

    tts = IndexTTS2.from_pretrained("demo")
    voice, text = tts.encode_voice(bundled.voice_clip()), "The little boat came home before the storm."
    found = measure(tts, voice, text)
    assert found["equal_length"] and found["chunks"] >= 3
    assert found["largest_seam"] <= 1.0
    audio = np.concatenate(list(tts.stream(text, voice, seed=0)))
    noise = np.random.default_rng(0).standard_normal(len(audio)).astype(np.float32) * audio.std()
    assert found["spectral_distance_db"] < 0.5 * spectral_distance(noise, audio)
