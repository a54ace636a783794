"""The whole chain on the tiny random model: what it says is noise, how it behaves is the product."""

import dataclasses

import numpy as np
import pytest
import soundfile

from indextts2_jax import Emotion, EmotionPrompt, IndexTTS2, ReferenceVoice
from indextts2_jax.config import Config, replace
from indextts2_jax.errors import AudioError, CheckpointError, ConfigError, EmotionError, TextError
from indextts2_jax.pipeline.recording import Replay, StageRecorder
from tests import annotations
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice, voice_clip


def speak(text="Hello there.", voice=None, **options):
    return tiny_synthesizer().synthesize(text, voice or tiny_voice(), **options)


def test_speech():
    speech = speak()
    assert speech.sampling_rate == 22050 and speech.audio.dtype == np.float32 and speech.audio.ndim == 1
    assert np.isfinite(speech.audio).all() and np.abs(speech.audio).max() <= 1.0
    frames = sum(int(len(codes) * 1.72) for codes in speech.codes)
    assert len(speech.audio) == 256 * frames
    assert {"decode", "flow_matching", "vocoder"} <= set(speech.seconds)


def test_equal_seeds_equal_speech_and_other_seeds_differ():
    first, again, other = speak(seed=1), speak(seed=1), speak(seed=2)
    np.testing.assert_array_equal(first.audio, again.audio)
    assert any(not np.array_equal(a, b) for a, b in zip(first.codes, other.codes, strict=True))


def test_a_segment_does_not_depend_on_what_came_before():
    config = replace(tiny_config(), text={"max_text_tokens_per_segment": 12}, interval_silence_ms=100)
    alone = speak("Hello there.", config=config)
    behind = speak("One, two, three, four, five. Hello there.", config=config)
    assert len(behind.segments) > 1 and behind.segments[-1] == alone.segments[0]
    np.testing.assert_array_equal(behind.codes[-1], alone.codes[0])
    np.testing.assert_array_equal(behind.audio[-len(alone.audio) :], alone.audio)


def test_silence_between_segments():
    config = replace(tiny_config(), text={"max_text_tokens_per_segment": 12}, interval_silence_ms=100)
    speech = speak("One, two, three, four, five. Hello there.", config=config)
    first = 256 * int(len(speech.codes[0]) * 1.72)
    assert not speech.audio[first : first + 2205].any()
    assert speech.audio[first - 100 : first].any() and speech.audio[first + 2205 : first + 2305].any()


def test_cut_generation_warns():
    speech = speak(config=tiny_config(decode={"max_mel_tokens": 5}))
    if len(speech.codes[0]) == 5:
        assert any("limit of 5 codes" in warning for warning in speech.warnings)
    else:
        pytest.fail("the tiny model was expected to run into the limit")


def test_voice_is_a_value(tmp_path):
    voice = tiny_voice()
    voice.save(tmp_path / "anna.safetensors")
    loaded = ReferenceVoice.load(tmp_path / "anna.safetensors")
    again = tiny_synthesizer().synthesize("Hello there.", loaded)
    np.testing.assert_array_equal(again.audio, speak().audio)
    np.testing.assert_array_equal(speak(voice=tmp_path / "anna.safetensors").audio, again.audio)
    assert loaded.source_sha256 == voice.source_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["anna.safetensors"]


def test_a_clip_does_instead_of_a_voice():
    direct = tiny_synthesizer().synthesize("Hello there.", voice_clip())
    np.testing.assert_array_equal(direct.audio, speak().audio)


def test_emotions_change_the_speech():
    plain = speak()
    vector = speak(emotion=Emotion(weights=[0, 0, 1.0, 0, 0, 0, 0, 0]))
    clip = speak(emotion=Emotion(clip=voice_clip(pitch=300.0)))
    half = speak(emotion=Emotion(clip=voice_clip(pitch=300.0), weight=0.5))
    variants = [plain, vector, clip, half]
    for i, a in enumerate(variants):
        for b in variants[i + 1 :]:
            assert a.audio.shape != b.audio.shape or not np.array_equal(a.audio, b.audio)
    none = speak(emotion=Emotion(clip=voice_clip(pitch=300.0), weight=0.0))
    assert len(none.audio)


def test_vector_normalisation_is_an_option():
    vector = [0.9, 0, 0, 0, 0, 0, 0, 0]
    config = tiny_config(emotion={"normalize_vector": True})
    normalised = speak(emotion=Emotion(weights=vector), config=config)
    by_hand = speak(emotion=Emotion(weights={"happy": 0.8}))  # 0.9 * 0.9375 = 0.84, more than the cap of 0.8
    np.testing.assert_array_equal(normalised.codes[0], by_hand.codes[0])
    assert not np.array_equal(normalised.audio, speak(emotion=Emotion(weights=vector)).audio)


def test_save(tmp_path):
    speech = speak()
    speech.save(tmp_path / "out.wav")
    speech.save(tmp_path / "out.flac")
    for name in ("out.wav", "out.flac"):
        info = soundfile.info(tmp_path / name)
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
        assert info.frames == len(speech.audio)


def test_recorded_run_replays(tmp_path):
    recorder = StageRecorder()
    speech = speak(seed=3, record=recorder)
    recorder.save(tmp_path / "run.npz")
    replayed = speak(seed=3, replay=Replay.load(tmp_path / "run.npz"))
    np.testing.assert_array_equal(replayed.audio, speech.audio)
    noise = {0: recorder.arrays["cfm_noise"] * 0.5}
    assert not np.array_equal(speak(seed=3, replay=Replay(noise)).audio, speech.audio)


@pytest.mark.parametrize("do_sample", [True, False])
@pytest.mark.parametrize("num_beams", [1, 3])
def test_decoding_modes(do_sample, num_beams):
    speech = speak(config=tiny_config(decode={"do_sample": do_sample, "num_beams": num_beams, "max_mel_tokens": 12}))
    assert len(speech.codes[0]) <= 12
    if not do_sample:
        other = speak(
            seed=9, config=tiny_config(decode={"do_sample": False, "num_beams": num_beams, "max_mel_tokens": 12})
        )
        np.testing.assert_array_equal(other.codes[0], speech.codes[0])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"text": ""}, TextError),
        ({"text": "   "}, TextError),
        ({"text": "..."}, TextError),
        ({"emotion": "sad"}, EmotionError),
        ({"emotion": Emotion(clip="missing.wav")}, AudioError),
        ({"emotion": Emotion(words="close to tears")}, CheckpointError),
        ({"voice": "missing.wav"}, AudioError),
        ({"voice": "missing.safetensors"}, CheckpointError),
        ({"voice": (np.zeros(3, np.float32), 24000)}, AudioError),
        ({"config": replace(Config(), decode={"max_mel_tokens": 5000})}, ConfigError),
        ({"replay": Replay({0: np.zeros((1, 80, 3), np.float32)})}, ConfigError),
        ({"seed": -1}, ConfigError),
        ({"seed": 2**32}, ConfigError),
        ({"seed": 1.5}, ConfigError),
        ({"emotion": Emotion(clip=EmotionPrompt(np.zeros(32, np.float32), "another"))}, CheckpointError),
        ({"replay": Replay({5: np.zeros((1, 80, 3), np.float32)})}, ConfigError),
    ],
)
def test_bad_input_is_a_typed_error(options, error):
    with annotations.unchecked(), pytest.raises(error) as caught:
        speak(**options)
    assert "\n" not in str(caught.value)


def test_a_voice_of_another_model_is_refused():
    other = IndexTTS2.from_random(replace(tiny_config(), random_seed=1))
    with pytest.raises(CheckpointError, match="another model"):
        other.synthesize("Hello there.", tiny_voice())


def test_random_weights_are_never_a_fallback():
    with pytest.raises(ConfigError):
        IndexTTS2.from_random(replace(tiny_config(), random_seed=None))


@pytest.mark.parametrize(
    "arrays",
    [
        {"cfm_noise": np.zeros((80, 3), np.float32)},
        {"cfm_noise": np.zeros((1, 80, 3), np.float64)},
        {"cfm_noise.x": np.zeros((1, 80, 3), np.float32)},
        {"noise_seed": np.array([1, 2])},
        {"noise_seed": np.array(-1)},
        {"noise_seed": np.array(1.5)},
        {"other": np.zeros(3)},
    ],
)
def test_bad_replay_files(arrays, tmp_path):
    np.savez(tmp_path / "run.npz", **arrays)
    with pytest.raises(ConfigError):
        Replay.load(tmp_path / "run.npz")


def test_files_that_are_no_replay(tmp_path):
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("empty.npz", "one.npy", "missing.npz"):
        with pytest.raises(ConfigError):
            Replay.load(tmp_path / name)


@pytest.mark.parametrize("change", [{"style": np.zeros(16, np.int8)}, {"style": np.full(16, np.nan, np.float32)}])
def test_bad_voice_files(change, tmp_path):
    with annotations.unchecked():
        changed = dataclasses.replace(tiny_voice(), **change)
    changed.save(tmp_path / "voice.safetensors")
    with pytest.raises(CheckpointError):
        ReferenceVoice.load(tmp_path / "voice.safetensors")
