"""What the teacher is given, and the times of the phonemes that come back."""

import numpy as np
import pytest

from indextts2_jax.errors import TextError
from indextts2_jax.text.phonemes.frontend import PUNCTUATION, PhonemeFrontend
from indextts2_jax.text.phonemes.pronounce import PHONEMES, Pronouncer, read_pronouncer, write_pronouncer
from indextts2_jax.training.demo import labels, symbols
from indextts2_jax.training.demo.corpus import LEXICON

from .fake_teacher import EDGE, UNITS, FakeTeacher


@pytest.fixture(scope="module")
def frontend() -> PhonemeFrontend:
    return PhonemeFrontend(LEXICON)


@pytest.fixture(scope="module")
def weak_frontend() -> PhonemeFrontend:
    """Of the same words, for a model that was trained on weak forms."""
    known = read_pronouncer(LEXICON)
    assert not known.weak
    return PhonemeFrontend(write_pronouncer(Pronouncer(known.lexicon, known.rules, weak=True), "a notice"))


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('"Come here," she said.', "“kˈʌm hˈiɹ,” ʃi sˈɛd."),
        ("Wait - what? No... yes; well: go!", "wˈAt — wˈʌt? nˈO… jˈɛs; wˈɛl: ɡˈO!"),
        ("He went to the old house.", "hi wˈɛnt tə ði ˈOld hˈWs."),
        ("I want to eat an apple.", "ˌI wˈɑnt tu ˈit ən ˈæpəl."),
        ("What is it for?", "wˈʌt ɪz ɪt fˈɔɹ?"),
        ("What are you going to do?", "wˈʌt ɑɹ ju ɡˈOɪŋ tə dˈu?"),
        ("Do it.", "du ɪt."),
        ("I know that he was from there.", "ˌI nˈO ðæt hi wəz fɹəm ðˈɛɹ."),
        ("That was that.", "ðˈæt wəz ðˈæt."),
        ("The A B C", "ði ˈA bˈi sˈi."),
        ("To, of, and.", "tˈu, ˈʌv, ənd."),
        ("a well-known man", "ə wˈɛl nˈOn mˈæn."),
    ],
)
def test_texts_become_symbols_with_weak_forms_and_marks(frontend, weak_frontend, text, given):
    """And what the model is given of the text are the same phonemes, its marks the nearest of the front-end's four."""
    spoken = symbols.read(frontend, text)
    assert symbols.symbols(spoken) == given
    assert symbols.read(weak_frontend, text) == spoken
    phonemes = [token for token in spoken if token not in symbols.MARKS]
    assert [token for token in weak_frontend.tokenize(text) if token not in PUNCTUATION] == phonemes


def test_what_is_in_capitals_is_not_weak(weak_frontend):
    assert weak_frontend.tokenize("the US and us.")[2:5] == ["▁Y", "UW1", "EH1"]
    assert weak_frontend.tokenize("It went TO her.")[-5:-3] == ["▁T", "UW1"]
    assert weak_frontend.tokenize("It went to her.")[-5:-3] == ["▁T", "AH0"]


def test_every_phoneme_has_a_symbol_of_its_own():
    made = [symbols.symbols([phoneme]) for phoneme in PHONEMES]
    assert len(set(made)) == len(PHONEMES)
    assert symbols.symbols(["ER0"]) == "əɹ" and symbols.symbols(["ER1"]) == "ˈɜɹ"
    with pytest.raises(TextError, match="no symbol for 'QQ'"):
        symbols.symbols(["QQ"])


@pytest.mark.parametrize("text", ["it is 5 o'clock", "", "?!", "caf\u00e9 \u4f60\u597d"])
def test_what_cannot_be_read_is_refused(frontend, text):
    with pytest.raises(TextError, match=r"[Tt]his text"):
        symbols.read(frontend, text)


def test_spaces_belong_to_nobody_or_to_a_pause(frontend):
    spoken = symbols.read(frontend, "No, my dog.")
    assert symbols.spell(spoken) == [
        *[("n", "N"), ("ˈO", "OW1"), (",", "pau"), (" ", "pau"), ("m", "M"), ("I", "AY0"), (" ", "")],
        *[("d", "D"), ("ˈɔ", "AO1"), ("ɡ", "G"), (".", "pau")],
    ]


RATE = 24000


def speech(text: str) -> tuple[list[str], list[int], np.ndarray]:
    spoken = symbols.read(PhonemeFrontend(LEXICON), text)
    audio, durations = FakeTeacher(LEXICON).speak(symbols.symbols(spoken), {"a": 1.0})
    return spoken, durations.tolist(), audio


def test_phones_follow_the_text_and_end_with_the_audio():
    spoken, durations, audio = speech("Bus stops, bus stops: the bus.")
    phones = labels.phones(spoken, durations, audio, RATE)
    names = [name for name, _ in phones]
    wanted = [token.strip("▁") for token in spoken if token not in symbols.MARKS]
    assert [name for name in names if name != "pau"] == wanted and names.count("pau") == 4
    assert names[0] == names[-1] == "pau"
    ends = [end for _, end in phones]
    assert ends == sorted(ends) and ends[-1] == pytest.approx(len(audio) / RATE)
    assert min(np.diff([0.0, *ends])) > 0


def test_phones_run_ahead_of_the_durations_and_share_the_spaces():
    spoken, durations, audio = speech("My dog.")
    phones = labels.phones(spoken, durations, audio, RATE)
    unit = UNITS * labels.UNIT
    edge = EDGE * labels.UNIT
    # m I (space) d ˈɔ ɡ
    expected = [edge, edge + unit, edge + 2.5 * unit, edge + 4 * unit, edge + 6 * unit]
    assert [end for _, end in phones[:5]] == pytest.approx([end - labels.AHEAD for end in expected])
    # the last phoneme ends where it becomes quiet, the pause at the end of the file
    assert phones[5][0] == "G" and phones[5][1] == pytest.approx(edge + 7 * unit, abs=0.011)


def test_a_mark_without_silence_is_no_pause():
    spoken, durations, audio = speech("My, dog.")
    loud = np.where(audio == 0, np.float32(0.3), audio)
    inside = slice(EDGE * 600, -(EDGE + 2) * 600)
    audio[inside] = loud[inside]
    names = [name for name, _ in labels.phones(spoken, durations, audio, RATE)]
    assert names == ["pau", "M", "AY1", "D", "AO1", "G", "pau"]


def test_durations_of_another_text_are_refused():
    spoken, durations, audio = speech("My dog.")
    with pytest.raises(ValueError, match="another text"):
        labels.phones(spoken, durations[:-1], audio, RATE)


def test_silence_is_all_quiet():
    assert not labels.quiet_steps(np.zeros(2400, np.float32), RATE).any()  # nothing is louder than anything
    assert len(labels.quiet_steps(np.ones(2400, np.float32), RATE)) == 20
