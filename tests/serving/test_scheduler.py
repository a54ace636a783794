"""Many at once, on the tiny model: each gets what it gets alone, in its turn, and no fault but its own."""

import time

import numpy as np
import pytest

from indextts2_jax import Emotion
from indextts2_jax.pipeline import decoder as decoders
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.serving.messages import Accepted, Audio, Close, Done, Encoded, EncodeVoice, Failed, Speak
from indextts2_jax.serving.scheduler import Scheduler
from indextts2_jax.synthesis.request import Request
from tests.serving.talk import talk
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice, voice_clip

QUICK = {"decode": {"max_mel_tokens": 24, "num_beams": 1}, "flow": {"steps": 2}}
LONG = " ".join(["One, two, three."] * 12)


def requests() -> list[dict]:
    """As different as requests can be."""
    quick, decode = QUICK, QUICK["decode"]
    return [
        {"text": "Hello there.", **quick},
        {"text": "Hello there.", "seed": 5, "streamed": True, **quick, "decode": {**decode, "max_mel_tokens": 70}},
        {"text": "One, two, three.", "seed": 7, **quick, "decode": {**decode, "num_beams": 3}},
        {"text": "Six.", "seed": 8, "streamed": True, **quick, "decode": {**decode, "num_beams": 3}},
        {"text": "Six, [pause:300ms] seven.", **quick, "decode": {**decode, "do_sample": False}},
        {"text": "Six. Seven.", **quick, "redraw": {"attempts": 2, "check_words": True}},
        {"text": "Hello there.", **quick, "duration": {"factor": 1.5}, "polish": {"even_loudness": True}},
        {"text": "Hello there. Bye.", **quick, "duration": {"target_seconds": 0.9}, "interval_silence_ms": 10},
        {"text": "Hello there.", "emotion": Emotion(weights={"happy": 0.5}), **quick, "flow": {"steps": 3}},
        {"text": LONG, "segments_at_once": 4, **quick, "text_settings": {"max_text_tokens_per_segment": 12}},
    ]


def submit(one, request) -> int:
    given = dict(request)
    text = given.pop("text")
    if "text_settings" in given:
        given["text"] = given.pop("text_settings")
    command = {key: given.pop(key) for key in ("seed", "emotion", "streamed", "deadline") if key in given}
    number = next(one._numbers)
    asked = Request(text, tiny_voice(), command.get("emotion"), command.get("seed", 0))
    one.scheduler.submit(Speak(number, asked, given, command.get("streamed", False), command.get("deadline")))
    return number


def test_what_a_request_gets_is_what_it_gets_alone():
    tts, asked = tiny_synthesizer(), requests()
    with talk(tts, rows=8, boundary=8) as one:
        alone = [one.spoken(submit(one, request)) for request in asked]
        at_once = [submit(one, request) for request in asked]
        together = [one.spoken(number) for number in at_once]
        later = []
        for number, request in enumerate(reversed(asked)):
            later.append(submit(one, request))
            time.sleep(0.02 * (number % 3))
        staggered = [one.spoken(number) for number in reversed(later)]
    for (audio, done), *others in zip(alone, together, staggered, strict=True):
        assert done.codes and len(audio)
        for other, as_well in others:
            np.testing.assert_array_equal(other, audio)
            assert (as_well.codes, as_well.warnings, as_well.seed) == (done.codes, done.warnings, done.seed)


def test_the_speech_is_that_of_the_model():
    """The same codes, the same length, and but for rounding the same audio."""
    tts = tiny_synthesizer()
    with talk(tts) as one:
        whole, done = one.spoken(one.speak("Hello there. One, two.", tiny_voice(), seed=3, **QUICK))
        streamed, _ = one.spoken(one.speak("Hello there. One, two.", tiny_voice(), seed=3, streamed=True, **QUICK))
    own = tts.synthesize("Hello there. One, two.", tiny_voice(), seed=3, config=QUICK)
    assert done.codes == sum(map(len, own.codes)) and done.text_tokens == sum(map(len, own.segments))
    np.testing.assert_allclose(whole, own.audio, atol=1e-4)
    stream = np.concatenate([*tts.stream("Hello there. One, two.", tiny_voice(), seed=3, config=QUICK)])
    np.testing.assert_allclose(streamed, stream, atol=1e-4)


def test_more_requests_than_rows():
    tts = tiny_synthesizer()
    with talk(tts, rows=8, boundary=4) as one:
        numbers = [one.speak("Hello there.", tiny_voice(), seed=seed % 5, **QUICK) for seed in range(20)]
        made = [one.spoken(number)[0] for number in numbers]
    for seed, audio in enumerate(made):
        np.testing.assert_array_equal(audio, made[seed % 5])


def test_banks_come_and_go(monkeypatch):
    """Settings of more kinds than there may be banks, and speech that outgrows its first slots."""
    monkeypatch.setattr(decoders, "MOST_BANKS", 1)
    monkeypatch.setattr(decoders.kv_cache, "FIRST_SLOTS", {"one beam": 16, "beams": 48})
    tts = tiny_synthesizer()
    asked = [{**QUICK, "decode": {"max_mel_tokens": 24, "num_beams": beams}} for beams in (1, 3)]
    with talk(tts, boundary=8) as one:
        together = [one.speak("Hello there.", tiny_voice(), **settings) for settings in asked * 3]
        made = [one.spoken(number)[0] for number in together]
        alone = [one.spoken(one.speak("Hello there.", tiny_voice(), **settings))[0] for settings in asked]
        assert len(one.scheduler._model.decoder._banks) == 1
    for place, audio in enumerate(made):
        np.testing.assert_array_equal(audio, alone[place % len(asked)])


def test_a_short_one_is_not_held_up_by_a_long_one():
    tts = tiny_synthesizer()
    settings = {**QUICK, "text": {"max_text_tokens_per_segment": 12}}
    with talk(tts) as one:
        long = one.speak(LONG * 3, tiny_voice(), **settings)
        one.until(lambda events: any(isinstance(event, Audio) for event in events))
        short = one.speak("Hello there.", tiny_voice(), **QUICK)
        assert one.ended_at(short) < one.ended_at(long)


def test_a_stream_is_heard_before_the_speeches_around_it_are_done():
    tts = tiny_synthesizer()
    with talk(tts) as one:
        others = [one.speak(LONG, tiny_voice(), **QUICK, text={"max_text_tokens_per_segment": 12}) for _ in range(4)]
        one.until(lambda events: any(isinstance(event, Audio) for event in events))
        stream = one.speak("Hello there.", tiny_voice(), streamed=True, **QUICK)
        one.end(stream)
        first = min(when for when, event in one.events if isinstance(event, Audio) and event.number == stream)
        assert all(first < one.ended_at(number) for number in others)


# --- ends before the end ------------------------------------------------------------------------------------------


def test_cancelled_work_stops():
    tts = tiny_synthesizer()
    with talk(tts) as one:
        running = one.speak(LONG, tiny_voice(), **QUICK, text={"max_text_tokens_per_segment": 12})
        one.until(lambda events: any(isinstance(event, Audio) for event in events))
        waiting = one.speak("Hello there.", tiny_voice(), **QUICK)
        for number in (waiting, running, running, 77):
            one.cancel(number)
        for number in (waiting, running):
            assert one.end(number).kind == "cancelled"
        said = len(one.of(running))
        one.spoken(one.speak("Hello there.", tiny_voice(), **QUICK))
        assert len(one.of(running)) == said and one.scheduler._model.decoder.idle


def test_cancelled_while_codes_are_drawn():
    """Its row is free at once."""
    tts = tiny_synthesizer()
    with talk(tts, boundary=1) as one:
        number = one.speak("Hello there.", tiny_voice(), **QUICK)
        one.until(lambda events: one.of(number))
        one.cancel(number)
        assert one.end(number).kind == "cancelled"
        assert one.scheduler._model.decoder.idle


def test_deadlines_before_and_within():
    tts = tiny_synthesizer()
    with talk(tts) as one:
        late = one.speak("Hello there.", tiny_voice(), deadline=time.monotonic() - 1, **QUICK)
        assert one.end(late).kind == "deadline" and one.of(late) == [one.end(late)]
        begun = time.monotonic()
        text = {"max_text_tokens_per_segment": 12}
        running = one.speak(LONG * 5, tiny_voice(), deadline=begun + 0.4, **QUICK, text=text)
        assert one.end(running).kind == "deadline" and one.ended_at(running) >= begun + 0.4
        assert isinstance(one.of(running)[0], Accepted)


def test_a_full_queue_refuses_at_once():
    tts = tiny_synthesizer()
    with talk(tts, queue=2) as one:
        text = {"max_text_tokens_per_segment": 12}
        taken = [one.speak(LONG, tiny_voice(), **QUICK, text=text) for _ in range(2)]
        refused = one.speak("Hello there.", tiny_voice(), **QUICK)
        failed = one.end(refused)
        assert failed.kind == "busy" and "again" in failed.message
        assert all(one.ended_at(number) > one.ended_at(refused) for number in taken)
        one.spoken(one.speak("Hello there.", tiny_voice(), **QUICK))


def test_clips_are_limited_by_their_bytes():
    tts, clip = tiny_synthesizer(), voice_clip()
    with talk(tts, clip_bytes=int(1.5 * clip[0].nbytes)) as one:
        first = one.speak("Hello there.", clip, **QUICK)
        second = one.speak("Hello there.", tiny_voice(), emotion=Emotion(clip=clip), **QUICK)
        without = one.speak("Hello there.", tiny_voice(), **QUICK)
        assert one.end(second).kind == "busy"
        assert isinstance(one.end(first), Done) and isinstance(one.end(without), Done)


def test_closing_finishes_what_runs():
    said = []
    scheduler = Scheduler(tiny_synthesizer(), said.append)
    for number in range(3):
        scheduler.submit(Speak(number, Request("Hello there.", tiny_voice()), QUICK))
    scheduler.submit(Close())
    scheduler.submit(Speak(3, Request("Hello there.", tiny_voice()), QUICK))
    scheduler.run()
    ends = {event.number: event for event in said if isinstance(event, Done | Failed)}
    assert [type(ends[number]) for number in range(4)] == [Done, Done, Done, Failed] and ends[3].kind == "closing"


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "voice", "settings", "error"),
    [
        ("  ", None, {}, "TextError"),
        ("Hello.", None, {"decode": {"beams": 1}}, "ConfigError"),
        ("Hello.", None, {"decode": {"max_mel_tokens": 10**6}}, "ConfigError"),
        ("Hello.", None, {"precision": {"gpt": "int8"}}, "ConfigError"),
        ("Hello.", (np.zeros(100, np.float32), 24000), {}, "AudioError"),
        ("Hello.", "nowhere.safetensors", {}, "CheckpointError"),
        ("Hello.", None, {"duration": {"target_seconds": 3000.0}}, "ConfigError"),
    ],
)
def test_requests_that_make_no_sense(text, voice, settings, error):
    with talk(tiny_synthesizer()) as one:
        bad = one.speak(text, tiny_voice() if voice is None else voice, **{**QUICK, **settings})
        fine = one.speak("Hello there.", tiny_voice(), **QUICK)
        failed = one.end(bad)
        assert (failed.kind, failed.error) == ("request", error) and "\n" not in failed.message
        one.spoken(fine)


@pytest.mark.parametrize("stage", ["vocode", "code_latents", "flow_step"])
def test_a_fault_of_ours_is_of_one_request(stage, monkeypatch, caplog):
    """The second call of the stage fails; what else runs does not notice."""
    calls, own = [], getattr(stages, stage)

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("out of luck")
        return own(*args, **kwargs)

    with talk(tiny_synthesizer()) as one:
        monkeypatch.setattr(stages, stage, failing)
        numbers = [one.speak("Hello there.", tiny_voice(), seed=seed, **QUICK) for seed in range(3)]
        ends = [one.end(number) for number in numbers]
    assert sorted(type(end).__name__ for end in ends) == ["Done", "Done", "Failed"]
    (failed,) = (end for end in ends if isinstance(end, Failed))
    assert failed.kind == "internal" and "luck" not in failed.message and "out of luck" in caplog.text


@pytest.mark.parametrize("where", ["run", "put"])
def test_a_fault_of_the_decoder_is_of_those_in_its_rows(where, monkeypatch, caplog):
    def failing(*args):
        monkeypatch.undo()
        raise RuntimeError("out of luck")

    with talk(tiny_synthesizer()) as one:
        monkeypatch.setattr(decoders.rows, where, failing)
        assert one.end(one.speak("Hello there.", tiny_voice(), **QUICK)).kind == "internal"
        one.spoken(one.speak("Hello there.", tiny_voice(), **QUICK))


# --- voices -------------------------------------------------------------------------------------------------------


def test_voices_are_encoded_among_speeches(tmp_path):
    tts = tiny_synthesizer()
    with talk(tts) as one:
        long = one.speak(LONG, tiny_voice(), **QUICK, text={"max_text_tokens_per_segment": 12})
        for number, name in ((100, "a"), (101, "b")):
            one.scheduler.submit(EncodeVoice(number, voice_clip(), str(tmp_path / f"{name}.safetensors")))
        assert isinstance(one.end(100), Encoded) and isinstance(one.end(101), Encoded)
        assert one.ended_at(100) < one.ended_at(long)
        audio, _ = one.spoken(one.speak("Hello there.", str(tmp_path / "a.safetensors"), **QUICK))
        again, _ = one.spoken(one.speak("Hello there.", voice_clip(), **QUICK))
    np.testing.assert_array_equal(audio, again)
    for name, value in vars(tts.encode_voice(voice_clip())).items():
        np.testing.assert_array_equal(getattr(ReferenceVoice.load(tmp_path / "b.safetensors"), name), value)


def test_a_voice_file_is_written_whole_or_not_at_all(tmp_path):
    with talk(tiny_synthesizer()) as one:
        short, nowhere = (np.zeros(10, np.float32), 24000), str(tmp_path / "none" / "a.safetensors")
        for number, clip, path in ((1, short, "a"), (2, voice_clip(), nowhere), (3, voice_clip(1.1), "c")):
            one.scheduler.submit(EncodeVoice(number, clip, str(tmp_path / path) + ".safetensors"))
        one.cancel(3)
        assert (one.end(1).kind, one.end(1).error) == (one.end(2).kind, one.end(2).error) == ("request", "AudioError")
        assert one.end(3).kind == "cancelled"
    assert not list(tmp_path.iterdir())


def test_tasks_that_bring_the_same_clip_wait_for_one_another():
    tts = type(tiny_synthesizer()).from_random(tiny_config())
    with talk(tts) as one:
        numbers = [one.speak("Hello there.", voice_clip(1.3), **QUICK) for _ in range(4)]
        first, *others = (one.spoken(number)[0] for number in numbers)
    assert len(tts.voices._voices) == 1
    for audio in others:
        np.testing.assert_array_equal(audio, first)
