"""The whole chain with the parts of IndexTTS-2.5, on the tiny random model: as test_tiny.py, where the two differ."""

import dataclasses
import json

import numpy as np
import pytest

from configs import indextts2_5, indextts2_5_tuned
from indextts2_jax import Emotion, IndexTTS2, ReferenceVoice
from indextts2_jax.commands import read_text, speak, voices
from indextts2_jax.config import Config, RedrawConfig, StreamConfig, from_dict, replace
from indextts2_jax.errors import CheckpointError, ConfigError
from indextts2_jax.pipeline import chunks
from indextts2_jax.pipeline.generation import SegmentCodes
from indextts2_jax.pipeline.recording import StageRecorder
from indextts2_jax.synthesis.retry import code_faults
from tests import tiny
from tests.serving.talk import talk
from tests.tiny_2_5 import tiny_artefact, tiny_config, tiny_synthesizer, tiny_voice, voice_clip

TEXT = "Hello there!"
HOP = 256


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_artefact(tmp_path_factory.mktemp("tiny_2_5") / "artefact")


@pytest.fixture(scope="module")
def recorded():
    recorder = StageRecorder()
    speech = tiny_synthesizer().synthesize(TEXT, voice_clip(), record=recorder)
    return speech, recorder.arrays


def test_what_is_recorded_has_the_names_of_the_reference(recorded):
    speech, arrays = recorded
    codes = len(speech.codes[0])
    assert arrays["codec_decode_out"].shape == (1, 2 * codes, 32)
    assert len(speech.audio) == HOP * int(2 * codes * 1.72)
    assert arrays["text_ids"][0, -1] == 1 and arrays["lang"].tolist() == [0]
    kept = [token for token in arrays["text_ids"][0] if token not in (0, 1)]
    assert arrays["text_ids_kept"][0].tolist() == [0, *kept, 1]
    assert arrays["gpt_pad"].tolist() == [2], "the mark, which is token 0, and the stop token"
    assert arrays["gpt_prefix"].shape[1] == 3 + len(kept) + 2
    assert arrays["gpt_conds"].shape[1] == 3 and not arrays["gpt_conds"][:, 1:].any()
    assert arrays["spk_row"].shape == (1, 32)
    assert not {"codec_indices", "gpt_latent", "gpt_layer_out", "speech_conditioning_latent"} & set(arrays)


def test_chunks_are_as_long_as_those_of_twice_as_many_codes():
    halved = chunks.at_rate(StreamConfig(), 25.0)
    assert (halved.first_codes, halved.largest_codes, halved.held_back) == (8, 100, 4)
    assert chunks.at_rate(StreamConfig(), 50.0) == StreamConfig()


def test_a_stream_is_as_long_as_the_whole():
    tts, config = tiny_synthesizer(), {"stream": {"first_codes": 12, "held_back": 8}, "decode": {"num_beams": 1}}
    stream = tts.stream(TEXT, tiny_voice(), config=config)
    parts = list(stream)
    whole = tts.synthesize(TEXT, tiny_voice(), config={"decode": {"num_beams": 1}})
    assert len(parts) > 1 and sum(map(len, parts)) == len(whole.audio)
    np.testing.assert_array_equal(stream.speech.codes[0], whole.codes[0])


def test_durations():
    tts, voice = tiny_synthesizer(), tiny_voice()
    plain = tts.synthesize(TEXT, voice)
    slow = tts.synthesize(TEXT, voice, config={"duration": {"factor": 1.3}})
    codes = len(plain.codes[0])
    assert len(slow.audio) == HOP * int(2 * codes * 1.72 * 1.3)
    seconds = round(1.1 * len(plain.audio) / 22050, 2)
    exact = tts.synthesize(TEXT, voice, config={"duration": {"target_seconds": seconds}})
    assert len(exact.audio) == round(seconds * 22050)


def test_a_batch_gives_what_each_gets_alone():
    tts, voice = tiny_synthesizer(), tiny_voice()
    from indextts2_jax import Request

    requests = [Request(text, voice, seed=n) for n, text in enumerate(["Hello there.", "你好。"])]
    together = tts.synthesize_batch(requests, at_once=2)
    for request, speech in zip(requests, together, strict=True):
        alone = tts.synthesize(request.text, voice, seed=request.seed)
        np.testing.assert_array_equal(speech.codes[0], alone.codes[0])


def test_the_language_is_heard():
    tts, voice = tiny_synthesizer(), tiny_voice()
    english, spanish = (tts.synthesize("No.", voice, config={"text": {"language": one}}) for one in ("en", "es"))
    assert english.segments[0][0] == "<|en|>" and spanish.segments[0][0] == "<|es|>"
    assert not np.array_equal(english.codes[0], spanish.codes[0])


@pytest.mark.parametrize("change", [{"contiguous_positions": True}, {"keep_marks": True}])
def test_what_others_measured_changes_the_codes(change, recorded):
    speech, _ = recorded
    changed = tiny_synthesizer().synthesize(TEXT, tiny_voice(), config={"decode": change})
    assert not np.array_equal(changed.codes[0], speech.codes[0])


def test_emotion_weights():
    speech = tiny_synthesizer().synthesize(TEXT, tiny_voice(), emotion=Emotion(weights={"sad": 0.8}))
    assert np.isfinite(speech.audio).all()


def test_seconds_are_counted_at_the_rate_of_the_codes():
    chosen, config = SegmentCodes(np.zeros(50, np.int32), True), RedrawConfig()
    assert not code_faults(chosen, 2.0, config, codes_per_second=25.0)
    assert "lasts 2.0 s" in code_faults(chosen, 5.0, config, codes_per_second=25.0)[0].reason


def test_a_voice_says_which_model_it_is_for(tmp_path, folder, capsys):
    tiny_voice().save(tmp_path / "later.safetensors")
    tiny.tiny_voice().save(tmp_path / "two.safetensors")
    assert ReferenceVoice.load(tmp_path / "later.safetensors").model_name == "IndexTTS-2.5"
    for tts, name, message in [
        (tiny_synthesizer(), "two", "for IndexTTS-2, and this is IndexTTS-2.5"),
        (tiny.tiny_synthesizer(), "later", "for IndexTTS-2.5, and this is IndexTTS-2;"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            tts.synthesize(TEXT, tmp_path / f"{name}.safetensors")
    assert voices.main(["show", str(tmp_path / "later.safetensors"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "IndexTTS-2.5"


def test_an_artefact_is_loaded_as_it_was(folder):
    loaded = IndexTTS2.from_pretrained(folder, config=tiny_config().__class__())
    assert loaded.model == tiny_synthesizer().model and loaded.model.name == "IndexTTS-2.5"


def test_language_is_for_models_that_have_several():
    with pytest.raises(ConfigError, match=r"text\.language"):
        tiny.tiny_synthesizer().synthesize(TEXT, tiny.tiny_voice(), config={"text": {"language": "es"}})
    with pytest.raises(ConfigError, match="one of auto, zh"):
        tiny_synthesizer().synthesize(TEXT, tiny_voice(), config={"text": {"language": "fr"}})


def test_configurations():
    assert from_dict(Config, indextts2_5.get_config().to_dict()) == Config()
    tuned = from_dict(Config, indextts2_5_tuned.get_config().to_dict())
    assert tuned.text.normalize_first and tuned.text.whole_words and tuned.text.spell_numbers
    assert tuned.decode.contiguous_positions and tuned.decode.keep_marks
    assert (
        replace(tuned, text=dataclasses.asdict(Config().text), decode=dataclasses.asdict(Config().decode)) == Config()
    )


def test_read_says_the_language(folder, monkeypatch, capfd):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hola.\n")))
    assert read_text.main([f"--checkpoint={folder}", "--language=es"]) == 0
    result = json.loads(capfd.readouterr().out)
    assert (result["language"], result["normalized"]) == ("es", "HOLA.")
    assert result["segment_ids"] == [result["ids"]] and result["segments"][0][0] == "<|es|>"


def test_the_flags_of_speak(folder, tmp_path, capfd):
    import soundfile

    clip, rate = voice_clip()
    soundfile.write(tmp_path / "voice.wav", clip, rate)
    flags = [f"--checkpoint={folder}", f"--speaker={tmp_path / 'voice.wav'}", "--text=Hola.", "--language=es"]
    flags += ["--duration_factor=1.3", f"--dump_stages={tmp_path / 'stages.npz'}", f"--output={tmp_path / 'o.wav'}"]
    flags += ["--config.decode.max_mel_tokens=20", "--config.flow.steps=3", "--compilation_cache=", "--nokeep_voices"]
    assert speak.main(flags) == 0, capfd.readouterr().err
    with np.load(tmp_path / "stages.npz") as stages:
        assert stages["lang"].tolist() == [3] and "codec_decode_out" in stages.files
    assert speak.main([*flags[:4], f"--replay={tmp_path / 'stages.npz'}", *flags[4:5], *flags[6:]]) == 0


def test_the_scheduler_speaks_it_as_if_alone():
    tts, voice = tiny_synthesizer(), tiny_voice()
    with talk(tts) as one:
        alone, done = one.spoken(one.speak("Hello there.", voice, seed=1))
        numbers = [one.speak("Hello there.", voice, seed=1), one.speak("And so on.", voice, seed=2, streamed=True)]
        beside, stream = (one.spoken(number)[0] for number in numbers)
    np.testing.assert_array_equal(beside, alone)
    assert len(stream) > 0 and done.codes == sum(map(len, tts.synthesize("Hello there.", voice, seed=1).codes))
