"""Times of words: of the bundled model by its attention, else by even division."""

import dataclasses

import jax
import numpy as np
import pytest

from indextts2_jax import IndexTTS2
from indextts2_jax.audio.postprocess import after_cuts, shorten_silences, silence_cuts
from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import Config, TimesConfig, replace
from indextts2_jax.pipeline import alignment
from indextts2_jax.pipeline.generation import Utterance
from indextts2_jax.synthesis import judging
from indextts2_jax.synthesis.request import Request
from indextts2_jax.synthesis.speech import ProgressTeller
from indextts2_jax.synthesis.words import WordTimer, WrittenText, find_heads
from tests.tiny import tiny_synthesizer, tiny_voice

TEXT = "Good evening. [pause:400ms] It has been 3 long days, and I would rather not go out."
WORDS = TEXT.replace("[pause:400ms] ", "").split()
ASKED = {"times": {"words": True}}


@pytest.fixture(scope="module")
def demo():
    return IndexTTS2.from_pretrained("demo")


@pytest.fixture(scope="module")
def speech(demo):
    return demo.synthesize(TEXT, bundled.voice_clip(), config=ASKED)


def check_order(words, speech):
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= speech.duration


def test_the_bundled_model_knows_where_it_is(demo, speech):
    assert [word.text for word in speech.words] == WORDS
    check_order(speech.words, speech)
    assert np.median([word.confidence for word in speech.words]) > 0.8
    first, second = ((start / 22050, end / 22050) for start, end in speech.spans)
    for word in speech.words[:2]:
        assert first[0] <= word.start < word.end <= first[1]
    for word in speech.words[2:]:
        assert second[0] <= word.start < word.end <= second[1]


def test_the_bundled_clip_is_found_again(demo):
    heads = find_heads(demo.params, demo.model, demo.frontend)
    assert heads.places and abs(heads.lag) < 5 and heads == demo.heads(Config(times=TimesConfig(words=True)))
    known = bundled.voice_text()
    assert len(known.words) == len(known.text.split())
    assert all(a[1] <= b[0] + 1e-9 for a, b in zip(known.words, known.words[1:], strict=False))


def test_nobody_pays_who_has_not_asked(demo, speech):
    other = demo.synthesize(TEXT, bundled.voice_clip())
    assert other.words == [] and "word times" not in other.seconds
    np.testing.assert_array_equal(other.audio, speech.audio)


def test_the_same_words_streamed(demo, speech):
    stream = demo.stream(TEXT, bundled.voice_clip(), config=ASKED)
    for _ in stream:
        pass
    streamed = stream.speech.words
    assert [word.text for word in streamed] == WORDS
    off = [abs(a.start - b.start) for a, b in zip(streamed, speech.words, strict=True)]
    assert np.median(off) < 0.02  # pauses are found in the sound, which is not quite the same


def test_a_slower_speech_has_slower_words(demo, speech):
    slow = demo.synthesize(TEXT, bundled.voice_clip(), config=ASKED | {"duration": {"factor": 1.5}})
    check_order(slow.words, slow)
    first, ratio = speech.words[0], [b.end / a.end for a, b in zip(speech.words[:2], slow.words[:2], strict=True)]
    assert first.end > 0 and ratio == pytest.approx([1.5, 1.5], rel=0.05)


def test_shortened_silences_move_what_is_behind_them(demo, speech):
    short = demo.synthesize(TEXT, bundled.voice_clip(), config=ASKED | {"polish": {"max_silence_ms": 60}})
    check_order(short.words, short)
    assert short.samples < speech.samples and short.words[-1].end < speech.words[-1].end
    lasting = [(a.end - a.start, b.end - b.start) for a, b in zip(speech.words, short.words, strict=True)]
    assert all(abs(a - b) < 0.12 for a, b in lasting)


def test_random_weights_are_divided_evenly_and_say_so():
    tts = tiny_synthesizer()
    assert find_heads(tts.params, tts.model, tts.frontend).places == ()
    made = tts.synthesize("ok good, you say a letter.", tiny_voice(), config=ASKED)
    assert [word.text for word in made.words] == ["ok", "good,", "you", "say", "a", "letter."]
    assert all(word.confidence == 0 for word in made.words)
    check_order(made.words, made)


def test_a_word_without_codes_has_no_time_and_no_confidence(demo):
    """What the model did not say: codes of a text are read beside a longer one."""
    said = demo.synthesize("Good evening.", bundled.voice_clip(), config=ASKED)
    text = "Good evening to every single one of the passengers."
    tokens = demo.frontend.tokenize(text)
    voice = demo.encode_voice(bundled.voice_clip())
    ids = np.array(demo.frontend.encode(tokens), np.int32)
    utterance = Utterance(voice, voice.emotion_base, ids, jax.random.key(0))
    heads = demo.heads(Config(times=TimesConfig(words=True)))
    timer = WordTimer(demo.params, demo.model, demo.config.decode, heads, WrittenText(demo.frontend, text, [tokens]))
    words = timer.times(0, utterance, said.codes[0], said.audio, len(said.audio))
    assert [word.text for word in words] == text.split()
    assert min(word.confidence for word in words[2:]) < 0.5 < min(word.confidence for word in words[:2])


# --- words that are passed over or said again ---------------------------------------------------------------------

SIX = "The old man lost his keys in the snow."
CHECKED = {"redraw": {"attempts": 0, "check_words": False, "check_alignment": True}}


@pytest.fixture(scope="module")
def reading(demo):
    """A run that judges codes, the only segment of a text, its codes, and the codes of its words [begin, end)."""
    config = replace(demo.config, **CHECKED, times={"words": True})
    checked = demo.check(Request(SIX, bundled.voice_clip()), config)
    run = demo._run(config, ProgressTeller(1, None))
    (segment,) = demo._prompts(run.watch).request(checked).segments(demo.frontend)
    drawing = run.begin(segment)
    run.choose_until_good([drawing])
    chosen = drawing.attempts.best.chosen
    weights = judging.attention(demo.params, demo.model, config, run.heads, segment, chosen.codes)
    found = alignment.path(weights) - 1
    places = [np.flatnonzero((found >= begin) & (found < end)) for begin, end in segment.words]
    assert all(map(len, places))
    return run, segment, chosen, [(int(own[0]), int(own[-1]) + 1) for own in places]


def reasons(run, segment, chosen, codes):
    return " ".join(fault.reason for fault in run.faults(segment, dataclasses.replace(chosen, codes=codes)))


def test_words_that_are_said_again_are_named_as_they_are_written(reading):
    run, segment, chosen, spans = reading
    assert reasons(run, segment, chosen, chosen.codes) == ""
    assert segment.quoted([1, 2, 8]) == '"old man" and "snow."'
    for first, last, named in ((2, 2, '"man" again'), (4, 5, '"keys in" again')):  # it may look a word too far on
        start, end = spans[first][0], spans[last][1]
        again = np.concatenate([chosen.codes[:end], chosen.codes[start:]])
        assert reasons(run, segment, chosen, again) == f"seems to say {named}"


def test_words_that_are_passed_over_are_named(reading):
    run, segment, chosen, spans = reading
    without = np.delete(chosen.codes, slice(spans[3][0], spans[5][1]))
    said = reasons(run, segment, chosen, without)
    assert "seems to pass over" in said and "his" in said


def test_an_even_pace_changes_the_time_and_not_the_codes(demo, speech):
    asked = {"duration": {"even_pace": True}}
    even = demo.synthesize(TEXT, bundled.voice_clip(), config=ASKED | asked)
    assert even.warnings == speech.warnings and even.samples != speech.samples
    for own, other in zip(even.codes, speech.codes, strict=True):
        np.testing.assert_array_equal(own, other)
    check_order(even.words, even)
    other = Request("It was late.", bundled.voice_clip())
    _, batched = demo.synthesize_batch([other, Request(TEXT, bundled.voice_clip())], config=asked)
    assert (batched.spans, batched.samples) == (even.spans, even.samples)


def test_where_no_head_tells_the_words_a_warning_says_so():
    asked = {"redraw": {"check_alignment": True}, "duration": {"even_pace": True}}
    tts = tiny_synthesizer()
    made = tts.synthesize("ok good, you say a letter.", tiny_voice(), config=asked)
    plain = tts.synthesize("ok good, you say a letter.", tiny_voice())
    np.testing.assert_array_equal(made.audio, plain.audio)
    told = [line.split(" does nothing")[0] for line in made.warnings if "does nothing" in line]
    assert told == ["redraw.check_alignment", "duration.even_pace"]


def test_a_text_is_read_as_far_as_it_is_spoken(demo, monkeypatch):
    text = " ".join(f"Well, it was in {year} that we met." for year in range(1900, 1960))
    segments = demo.read(text)[1]
    read = []
    tokenize = type(demo.frontend).tokenize
    monkeypatch.setattr(type(demo.frontend), "tokenize", lambda self, word: read.append(word) or tokenize(self, word))
    written = WrittenText(demo.frontend, text, segments)
    assert not read
    first = written.of_segment(0)
    assert [word.text for word in first[:4]] == ["Well,", "it", "was", "in"] and "1900" in read and "1959" not in read
    every = [word.text for index in range(len(segments)) for word in written.of_segment(index)]
    assert every == text.split()


def test_positions_behind_cuts():
    rng = np.random.default_rng(0)
    loud = rng.uniform(-0.5, 0.5, 4000).astype(np.float32)
    audio = np.concatenate([loud, np.zeros(9000, np.float32), loud])
    cuts = silence_cuts(audio, 22050, 100)
    short = shorten_silences(audio, 22050, 100)
    assert len(short) == after_cuts(len(audio), cuts) and after_cuts(4000, cuts) == 4000
    np.testing.assert_array_equal(short[int(after_cuts(13000, cuts)) :], loud)
