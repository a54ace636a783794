"""The phoneme front-end over a lexicon of a few words: each rule of reading, and what holds for every text."""

import itertools
import random
import string
import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indextts2_jax.errors import CheckpointError, ConfigError, TextError
from indextts2_jax.text.frontend import build_frontend, check_speakable
from indextts2_jax.text.phonemes.frontend import IDS, PhonemeFrontend
from indextts2_jax.text.phonemes.pronounce import MAGIC, PHONEMES
from indextts2_jax.training.demo.lexicon import build_lexicon

DICTIONARY = """\
'n AH0 N
'tis T IH1 Z
a AH0
a(2) EY1
and AH0 N D
at AE1 T
book B UH1 K
cafe K AH0 F EY1
cat K AE1 T
dot D AA1 T
dog D AO1 G
don't D OW1 N T
five F AY1 V
friend F R EH1 N D
hello HH AH0 L OW1
horse HH AO1 R S
hope HH OW1 P
i AY1
i'm AY1 M
is IH1 Z
it IH1 T
it's IH1 T S
known N OW1 N
land L AE1 N D
mister M IH1 S T ER0
nasa N AE1 S AH0
phone F OW1 N
play P L EY1
quick K W IH1 K
saint S EY1 N T
stop S T AA1 P
the DH AH0
try T R AY1
tv T IY1 V IY1
two T UW1
us AH1 S
walk W AO1 K
well W EH1 L
world W ER1 L D
one W AH1 N
"""
TOKENIZER = build_lexicon(DICTIONARY.splitlines(), "A notice.")
FRONTEND = PhonemeFrontend(TOKENIZER)


def say(text: str) -> str:
    return " ".join(FRONTEND.tokenize(text))


def norm(text: str) -> str:
    return FRONTEND.normalize(text)


# --- ids ------------------------------------------------------------------------------------------------------


def test_ids_are_fixed():
    assert FRONTEND.vocab_size == 76
    assert FRONTEND.encode([",", ".", "?", "!", "B", "ZH", "AA0", "AA1", "UW2"]) == [3, 4, 5, 6, 7, 30, 31, 32, 75]
    assert FRONTEND.encode(["▁B", "▁你好", "▁", "x"]) == [7, 2, 2, 2]
    assert len(PHONEMES) == 69 and sorted(IDS.values()) == list(range(3, 76))


def test_a_sentence():
    tokens = FRONTEND.tokenize("Hello, world!")
    assert tokens == ["▁HH", "AH0", "L", "OW1", ",", "▁W", "ER1", "L", "D", "!"]
    assert FRONTEND.encode(tokens) == [IDS[token.removeprefix("▁")] for token in tokens]
    assert FRONTEND.unknown(tokens) == []


# --- punctuation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("the cat", "the cat."),
        ("the cat?", "the cat?"),
        ("the cat,", "the cat."),
        ("the cat; a dog: it – is", "the cat, a dog, it, is."),
        ("the (cat) dog", "the, cat, dog."),
        ("wait... what… no", "wait, what, no."),
        ("wait -- what - no — yes", "wait, what, no, yes."),
        ("really?! no!. yes,,, it.,", "really? no! yes, it."),
        ("— the cat", "the cat."),
        ('"Hello," it is «known»', "Hello, it is known."),
        ("the cat。是？", "the cat. 是?"),
        ("one\ntwo\n\nthree", "one two. three."),
        ("and/or *star* a_b", "and or star a b."),
        ("a & b @ c + d = e", "a and b at c plus d equals e."),
        ("the.cat https://www.dot.dog", "the dot cat dot dot dog."),
        ("http://", "H T T P."),
    ],
)
def test_punctuation(text, spoken):
    assert norm(text) == spoken


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("café naïve Ångström", "cafe naive Angstrom."),
        ("Straße, Æsop, Łódź", "Strasse, AEsop, Lodz."),
        ("don’t ‘stop’", "don't 'stop'."),
        ("ｗｉｄｅ ﬁsh", "wide fish."),
        ("hel\u00adlo\u200d the\u200bcat", "hello the cat."),
        ("cafe\u0301", "cafe."),
    ],
)
def test_folding(text, spoken):
    assert norm(text) == spoken


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("Mr. Smith and Mrs Jones", "mister Smith and missus Jones."),
        ("St. Paul vs. St Peter", "saint Paul versus saint Peter."),
        ("cats, etc. and dogs, etc. The end", "cats, et cetera and dogs, et cetera. The end."),
        ("J. R. Tolkien", "J R Tolkien."),
        ("the U.S. Army is in the U.S. The army", "the U S Army is in the U S. The army."),
        ("e.g. this", "for example this."),
        ("so am I. The end", "so am I. The end."),
        ("World War II", "World War two."),
    ],
)
def test_abbreviations(text, spoken):
    assert norm(text) == spoken


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, said",
    [
        ("cats dogs horses", "▁K AE1 T S ▁D AO1 G Z ▁HH AO1 R S IH0 Z ."),
        ("cat's the dogs' horse's", "▁K AE1 T S ▁DH AH0 ▁D AO1 G Z ▁HH AO1 R S IH0 Z ."),
        ("walked played landed", "▁W AO1 K T ▁P L EY1 D ▁L AE1 N D IH0 D ."),
        ("stopped hoped tried", "▁S T AA1 P T ▁HH OW1 P T ▁T R AY1 D ."),
        ("stopping hoping", "▁S T AA1 P IH0 NG ▁HH OW1 P IH0 NG ."),
        ("quickly tries", "▁K W IH1 K L IY0 ▁T R AY1 Z ."),
        ("it'd cat'll dog've", "▁IH1 T IH0 D ▁K AE1 T AH0 L ▁D AO1 G V ."),
        ("Well-known", "▁W EH1 L ▁N OW1 N ."),
        ("'tis cat 'n' dog's", "▁T IH1 Z ▁K AE1 T ▁AH0 N ▁D AO1 G Z ."),
        ("'it' ''cat''", "▁IH1 T ▁K AE1 T ."),
        ("CatDog and iPhone", "▁K AE1 T ▁D AO1 G ▁AH0 N D ▁AY1 ▁F OW1 N ."),
        ("HELLO THE CAT AND DOG", "▁HH AH0 L OW1 ▁DH AH0 ▁K AE1 T ▁AH0 N D ▁D AO1 G ."),
    ],
)
def test_words(text, said):
    assert say(text) == said


@pytest.mark.parametrize(
    "text, said",
    [
        ("the BBC", "▁DH AH0 ▁B IY1 B IY1 S IY1 ."),
        ("BBC", "▁B IY1 B IY1 S IY1 ."),
        ("the GPUs and TVs", "▁DH AH0 ▁JH IY1 P IY1 Y UW1 Z ▁AH0 N D ▁T IY1 V IY1 Z ."),
        ("the BBC's", "▁DH AH0 ▁B IY1 B IY1 S IY1 Z ."),
        ("NASA is", "▁N AE1 S AH0 ▁IH1 Z ."),
        ("the US, us", "▁DH AH0 ▁Y UW1 EH1 S , ▁AH1 S ."),
        ("hmpf", "▁EY1 CH EH1 M P IY1 EH1 F ."),
        ("x", "▁EH1 K S ."),
        ("I", "▁AY1 ."),
        ("A cat", "▁AH0 ▁K AE1 T ."),
        ("the A1 is", "▁DH AH0 ▁EY1 ▁W AH1 N ▁IH1 Z ."),
        ("A is A", "▁EY1 ▁IH1 Z ▁EY1 ."),
        ("A5 at 5 a.m.", "▁AH0 ▁F AY1 V ▁AE1 T ▁F AY1 V ▁EY1 ▁EH1 M ."),  # at the start it may be an article
        ("A B", "▁EY1 ▁B IY1 ."),
        ("it is A.", "▁IH1 T ▁IH1 Z ▁EY1 ."),
        ("a", "▁AH0 ."),
    ],
)
def test_letters_and_acronyms(text, said):
    assert say(text) == said


def test_letter_names_cover_the_alphabet():
    tokens = FRONTEND.tokenize(" ".join("BCDEFGHJKLMNOPQRSTUVWXYZ"))
    assert FRONTEND.unknown(tokens) == [] and sum(token[0] == "▁" for token in tokens) == 24


def test_unknown_words_go_by_their_letters():
    tokens = FRONTEND.tokenize("blop")
    assert len(tokens) > 2 and FRONTEND.unknown(tokens) == []
    assert tokens == FRONTEND.tokenize("Blop")


def test_no_grammar_is_needed():
    script = (
        "import sys; from tests.text.phonemes.test_frontend import FRONTEND; FRONTEND.tokenize('It costs $5.20.'); "
        "print({'pynini', 'tn', 'wetext', 'kaldifst', 'jax'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("5", "five."),
        ("$5.20, $1.01 and $3.00", "five dollars and twenty cents, one dollar and one cent and three dollars."),
        ("1,234 cats", "one thousand two hundred thirty four cats."),
        ("1,000 cats", "one thousand cats."),
        ("GPT-5-nano", "GPT five nano."),
        ("pages 5–7", "pages five to seven."),
        ("Call No. 5. Mr. Smith", "Call number five. mister Smith."),
        ("½ and 2½", "one half and two and a half."),
        ("٣ cats", "three cats."),
    ],
)
def test_numbers(text, spoken):
    assert norm(text) == spoken


def test_sounds_and_what_follows_them():
    assert norm("It is. Hmm! The cat.") == "It is. Hm, The cat."
    assert norm("Psst... the cat? Shhh!") == "Psst, the cat? Sh!"
    assert say("Brrr, psst") == "▁B ER1 , ▁P IH1 S T ."


@pytest.mark.parametrize(
    "text",
    ["'" * 40_000, "abcde" * 5_000, "x" + "'d" * 900, "x" + "'s" * 999, "aB" * 12_000, "q" * 25_000, "y" * 25_000],
    ids=itertools.count(),
)
def test_long_words_take_no_longer_than_short_ones(text):
    """Quadratic time took seconds for each, and "'d" recursed."""
    start = time.thread_time()
    tokens = FRONTEND.tokenize(text)
    assert time.thread_time() - start < 5 and FRONTEND.unknown(tokens) == []


def test_markup_is_left_out_and_breaks_are_pauses():
    assert norm("# The *cat*\n\n- <b>is</b> &amp; [dog](https://dog.com)") == "The cat. is and dog."
    assert FRONTEND.prepare('The cat <break time="1s"/> is') == "The cat  [pause:1s]  is"
    assert FRONTEND.reading("reference") is FRONTEND.reading("careful") is FRONTEND


def test_signs_are_spoken_silent_or_unknown():
    assert norm("5 ≠ 7, ±2 🙂") == "five does not equal seven, plus or minus two."
    tokens = FRONTEND.tokenize("the ⌘ cat")
    assert FRONTEND.segments(tokens, 20) == [[token for token in tokens if token != "▁⌘"]]
    assert FRONTEND.unknown(tokens) == ["▁⌘"] and norm("the ⌘ cat") == "the ⌘ cat."


# --- what cannot be read --------------------------------------------------------------------------------------


def test_unknown_scripts():
    tokens = FRONTEND.tokenize("你好 cat Привет")
    assert tokens == ["▁你好", "▁K", "AE1", "T", "▁Привет", "."]
    assert FRONTEND.unknown(tokens) == ["▁你好", "▁Привет"]
    assert FRONTEND.encode(tokens)[0] == 2


@pytest.mark.parametrize("text", ["the cat", "x", "你好 cat", "A."])
def test_speakable(text):
    check_speakable(FRONTEND, text, FRONTEND.tokenize(text))


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("?!", "no letter or digit"),
        ("...", "no letter or digit"),
        ("'''", "no letter or digit"),
        ("🙂", "no letter or digit"),
        ("你好。", "knows no character"),
        ("ж", "nothing to speak.$"),  # no hint that capitals would help
    ],
)
def test_nothing_to_speak(text, message):
    with pytest.raises(TextError, match=message):
        check_speakable(FRONTEND, text, FRONTEND.tokenize(text))


def test_half_a_character():
    with pytest.raises(TextError, match="not valid Unicode"):
        FRONTEND.tokenize("cat \ud800")


def test_nothing_is_no_token():
    for text in ("", "  \n", "...", "🙂"):
        assert norm(text) == "" and FRONTEND.tokenize(text) == []
    assert FRONTEND.encode([]) == FRONTEND.segments([], 10) == FRONTEND.unknown([]) == []


# --- construction ---------------------------------------------------------------------------------------------


def test_from_a_file(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(TOKENIZER)
    for source in (path, str(path), TOKENIZER):
        assert build_frontend("phonemes", source).tokenize("the cats") == FRONTEND.tokenize("the cats")


def test_glossary():
    frontend = PhonemeFrontend(TOKENIZER, {"M.2": {"en": "M dot two", "zh": "二"}, "Zoë": "cat"})
    assert frontend.normalize("the m.2, zoë") == "the M dot two, cat."
    with pytest.raises(ConfigError):
        PhonemeFrontend(TOKENIZER, {"": "x"})


@pytest.mark.parametrize("content", [b"", b"no model", b"\x00" * 100, MAGIC[:-2]], ids=["empty", "text", "0", "magic"])
def test_no_tokenizer(content, tmp_path):
    path = tmp_path / "broken.model"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"broken\.model is not a phoneme lexicon"):
        PhonemeFrontend(path)


def test_missing_tokenizer(tmp_path):
    for path in (tmp_path / "none.model", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            PhonemeFrontend(path)


def test_damaged_tokenizer():
    start = TOKENIZER.index(b"\xfd7zXZ")
    places = random.Random(0).sample(range(start, len(TOKENIZER)), 60)
    damaged = [TOKENIZER[:place] for place in places]
    damaged += [TOKENIZER[:place] + bytes([TOKENIZER[place] ^ 0x55]) + TOKENIZER[place + 1 :] for place in places]
    for content in damaged:
        with pytest.raises(CheckpointError, match="is damaged") as error:
            PhonemeFrontend(content)
        assert "\n" not in str(error.value)


# --- segments -------------------------------------------------------------------------------------------------


def split(text: str, max_tokens: int) -> list[str]:
    return [" ".join(segment) for segment in FRONTEND.segments(text.split(), max_tokens)]


def test_whole_when_it_fits():
    assert split("▁B AA1 , ▁K ?", 5) == ["▁B AA1 , ▁K ?"]


def test_a_sentence_is_a_segment():
    for most in (4, 40):
        assert split("▁B AA1 . ▁K ? ▁D AA1 !", most) == ["▁B AA1 .", "▁K ?", "▁D AA1 !"]


def test_cut_behind_commas():
    assert split("▁B AA1 , ▁K AA1 , ▁D AA1 .", 6) == ["▁B AA1 , ▁K AA1 ,", "▁D AA1 ."]


def test_cut_between_words():
    assert split("▁B AA1 ▁K AA1 ▁D AA1 .", 5) == ["▁B AA1 ▁K AA1 ,", "▁D AA1 ."]
    assert split("▁B AA1 ▁K AA1 ▁D AA1 .", 4) == ["▁B AA1 ,", "▁K AA1 ,", "▁D AA1 ."]


def test_cut_inside_a_word_that_fits_nowhere():
    assert split("▁D ▁B AA1 K AA1 D . ▁D .", 4) == ["▁D ,", "▁B AA1 K ,", "AA1 D .", "▁D ."]


def test_an_end_is_added():
    assert split("▁B AA1", 10) == ["▁B AA1 ,"]


def test_segments_need_two_tokens():
    with pytest.raises(ConfigError, match="max_tokens is 1"):
        FRONTEND.segments(["▁B"], 1)


TOKENS = st.lists(st.sampled_from(["▁B", "▁K", "▁你", "AA1", "D", ",", ".", "?", "!"]), max_size=80)


@settings(max_examples=300, deadline=None)
@given(TOKENS, st.integers(2, 20), st.integers(0, 40))
def test_segments_keep_everything_but_commas(tokens, max_tokens, quick_tokens):
    segments = FRONTEND.segments(tokens, max_tokens, quick_tokens)
    for segment in segments:
        assert 0 < len(segment) <= max_tokens and segment[-1] in ",.?!"
    joined = [token for token in itertools.chain(*segments) if token != ","]
    assert joined == [token for token in tokens if token != ","]


@settings(max_examples=300, deadline=None)
@given(st.text(string.ascii_letters + string.punctuation + " \n", max_size=60), st.sampled_from(string.ascii_letters))
@example("U.S. A.", "b")
@example("''s's's", "s")
def test_every_text_with_a_letter_is_spoken(text, letter):
    for whole in (text + letter, letter + text, text + letter + text):
        tokens = FRONTEND.tokenize(whole)
        assert FRONTEND.unknown(tokens) == [] and tokens[-1] in (".", "?", "!")
        assert tokens[0][0] == "▁" and not any(a in ",.?!" and b in ",.?!" for a, b in itertools.pairwise(tokens))
        assert all(2 < number < 76 for number in FRONTEND.encode(tokens))
        check_speakable(FRONTEND, whole, tokens)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Nd", "Nl", "No"]), max_size=40))
def test_any_text_makes_tokens(text):
    tokens = FRONTEND.tokenize(text)
    assert tokens == [] or (tokens[0][0] == "▁" and tokens[-1] in (".", "?", "!"))
    assert len(FRONTEND.encode(tokens)) == len(tokens)
