"""Normalisation around the WeText rules, quirk by quirk; the grammars themselves at the end."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.errors import ConfigError
from indextts2_jax.text import wetext
from indextts2_jax.text.bpe import normalize
from indextts2_jax.text.bpe.normalize import TextNormalizer, correct_pinyin, is_chinese
from tests.annotations import unchecked


@pytest.mark.parametrize(
    "text, chinese",
    [
        ("hello", False),
        ("hello 你", True),
        ("12:30", True),  # no Latin letter
        ("привет", True),
        ("", True),
        ("someone7@example.org", True),
        ("write to someone7@example.org", False),
        ("say ma1 twice", True),
        ("Beta1 and voice2", False),
    ],
)
def test_language(text, chinese):
    assert is_chinese(text) is chinese


@pytest.mark.parametrize(
    "syllable, corrected",
    [
        ("ju4", "JV4"),
        ("XÜN2", "XVN2"),
        ("quan1", "QVAN1"),
        ("que4", "QVE4"),
        ("xia4", "XIA4"),  # no u, but upper-cased all the same
        ("jve2", "JVE2"),
        ("lü3", "lü3"),
        ("zhu3", "zhu3"),
    ],
)
def test_pinyin_is_corrected_after_j_q_and_x_only(syllable, corrected):
    assert correct_pinyin(syllable) == corrected


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("Who's there? That's it's.", "Who is there? That is it is."),
        ("the dog's bone", "the dog's bone"),
        ("the's elsewhere's", "the is elsewhere is"),  # in the middle of a word as well
        ("here's theRE's", "here is theRE is"),
        ("a: b; c", "a, b, c"),
        ("wait... no,,, or……", "wait… no… or…"),
        ("a....", "a…."),
        ("(a) [b] “c” ‘d’", "'a' 'b' 'c' 'd'"),
        ("one\ntwo~three—four", "one two-three-four"),
        ("$5 for a", "$5 for a"),  # $ becomes a stop in Chinese only
        ("trailing  ", "trailing  "),  # cut off in Chinese only
    ],
)
def test_english(text, spoken, plain_rules):
    assert TextNormalizer().normalize(text) == spoken
    assert {language for language, _ in plain_rules} == {"en"}


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("《书》，“好”。真？！", "'书','好'.真?!"),
        ("甲、乙：丙；丁·戊", "甲,乙,丙,丁-戊"),
        ("，，，", ",,,"),  # one by one, so never an ellipsis
        ("。。。", "..."),
        ("价$5", "价.5"),
        ("这 it's 好  ", "这 it is 好"),
    ],
)
def test_chinese(text, spoken, plain_rules):
    assert TextNormalizer().normalize(text) == spoken
    assert {language for language, _ in plain_rules} == {"zh"}


@pytest.mark.parametrize(
    "text, hidden, spoken",
    [
        ("读xuan4和Ju2", "读<pinyin_a>和<pinyin_b>", "读XVAN4和JV2"),
        ("ma1 ma1 ma2", "<pinyin_a> <pinyin_a> <pinyin_b>", "ma1 ma1 ma2"),
        ("ta2 beta2 beta3", "<pinyin_a> be<pinyin_a> beta3", "ta2 beta2 beta3"),  # hidden in the word as well
        ("xuan4 an4", "<pinyin_a> <pinyin_b>", "XVAN4 an4"),  # the longest wins
        ("安·张，李·安-王，安·张", "<n_a>，<n_b>，<n_a>", "安-张,李-安-王,安-张"),
        ("甲·乙·丙·丁", "<n_a>·丁", "甲-乙-丙-丁"),
        ("用GPT-5-nano吧", "用GPT<H>5<H>nano吧", "用GPT-5-nano吧"),
        ("135-4567 是号", "135-4567 是号", "135-4567 是号"),
        ("行<行|XING2>行", "行PRONPLACEHOLDERaPRONPLACEHOLDER行", "行<行|XING2>行"),
        (
            "<行|h:2>和<长|c;3>",
            "PRONPLACEHOLDERaPRONPLACEHOLDER和PRONPLACEHOLDERbPRONPLACEHOLDER",
            "<行|h:2>和<长|c;3>",
        ),
        ("好<|b>、<a|>", "好<|b>、<a|>", "好<|b>,<a|>"),
    ],
)
def test_hidden_from_the_rules(text, hidden, spoken, plain_rules):
    assert TextNormalizer().normalize(text) == spoken
    assert plain_rules == [("zh", hidden)]


def test_spaces_that_the_rules_put_around_a_hyphen_are_removed(monkeypatch):
    monkeypatch.setattr(wetext, "load_rules", lambda _: lambda text: text.replace("<H>", "  <H> ").replace("5", "five"))
    assert TextNormalizer().normalize("the F-5-x jet") == "the F-five-x jet"


def test_more_names_than_letters(plain_rules):
    names = [f"{chr(0x4E00 + i)}·{chr(0x5E00 + i)}" for i in range(60)]
    assert TextNormalizer().normalize("，".join(names)) == ",".join(name.replace("·", "-") for name in names)
    ((_, hidden),) = plain_rules
    assert hidden.endswith("，<n_z>，<n_aa>，<n_ab>" + hidden.partition("<n_ab>")[2]) and "·" not in hidden


def test_rejected_text_is_raw_in_english_and_empty_in_chinese(monkeypatch, caplog):
    def reject(text):
        raise ValueError("no")

    monkeypatch.setattr(wetext, "load_rules", lambda _: reject)
    assert TextNormalizer().normalize("It's GPT-5: 3") == "It is GPT-5, 3"
    assert TextNormalizer().normalize("你好 3") == ""
    assert ["English" in caplog.messages[0], "Chinese" in caplog.messages[1]] == [True, True]


# --- English as a person reads it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("Take the A1 road in 5 minutes.", "Take the A one road in five minutes."),
        ("An i5, v2 and U2.", "An i five, version two and U two."),
        ("Blinked? No. Smiled?", "Blinked? No. Smiled?"),
        ("Go to www.example.net.", "Go to W W W dot example dot net."),
        ("someone7@example.org", "someone seven at example dot org"),
        ("12:30", "twelve thirty"),
        ("It's 5 ≠ 7: ok", "It is five does not equal seven, ok"),
        ("Anna <Anna|AN1> is 5.", "Anna <Anna|AN1> is five."),
        ("100 Mbps", "one hundred megabits per second"),
        ("Press ⌘ now", "Press ⌘ now"),
    ],
)
def test_careful_english(text, spoken, plain_rules):
    assert TextNormalizer().reading("careful").normalize(text) == spoken
    assert plain_rules == []


def test_careful_reading_is_for_english_only(plain_rules):
    careful = TextNormalizer({"R.9": "R nine"}).reading("careful")
    for text in ("你好 A1, 5 <b>", "カナ 5", "한글 5"):
        assert careful.prepare(text) == text
        assert careful.normalize(text) == TextNormalizer().normalize(text)
    assert careful.prepare('a<break time="1s"/><b>b</b>') == "a [pause:1s] b"
    assert careful.normalize("the r.9 has 5") == "the R nine has five"


def test_the_reference_stays_as_it_is(plain_rules):
    normalizer = TextNormalizer()
    for text in ("# A <b>5</b> ≠ 7", "a <break time='1s'/>"):
        assert normalizer.prepare(text) == text
        assert normalizer.reading("reference").normalize(text) == normalizer.normalize(text)
    assert normalizer.reading("careful").reading("reference").normalize("$5") == normalizer.normalize("$5")


# --- glossary -------------------------------------------------------------------------------------------------

GLOSSARY = {
    "R.9": {"en": "R dot nine", "zh": "R 九"},
    "R.9 Pro": {"en": "the R nine"},
    "ACME": "A C M E",
    "tab": r"\t and \1",
}


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("an r.9 from acme", "an R dot nine from A C M E"),
        ("一个r.9", "一个R 九"),
        ("the R.9 PRO", "the the R nine"),  # the longest first
        ("这是r.9 pro", "这是R 九 Pro"),  # no Chinese reading: the term itself, in which the shorter one is found
        ("a TAB", r"a \t and \1"),  # inserted as written
    ],
)
def test_glossary(text, spoken, plain_rules):
    assert TextNormalizer(GLOSSARY).normalize(text) == spoken


def test_glossary_that_is_none():
    with unchecked(), pytest.raises(ConfigError, match=r"'ACME'.*must be text"):
        TextNormalizer({"ACME": 3})


# --- the patterns that were made linear find what the plain ones find -----------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.text("<|>\nab", max_size=30))
def test_tags_as_the_plain_pattern(text):
    hidden, tags = normalize._hide_tags(text)
    plain = re.sub(r"<([^|>\n]+)\|([^>\n]+)>", "#", text)
    assert re.sub("PRONPLACEHOLDER[a-z]+PRONPLACEHOLDER", "#", hidden) == plain
    assert tags.restore(hidden) == text


@settings(max_examples=300, deadline=None)
@given(st.text("aB7--中 ", max_size=30))
def test_terms_as_the_plain_pattern(text):
    plain = text
    for term in sorted(set(re.findall(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+", text)), key=len, reverse=True):
        plain = plain.replace(term, term.replace("-", "<H>"))
    assert normalize._hide_terms(text) == (plain, plain != text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["<H>", " ", "\t", "a", "<", "H>"]), max_size=20).map("".join))
def test_terms_restored_as_by_the_plain_pattern(text):
    assert normalize._restore_terms(text) == re.sub(r"\s*<H>\s*", "-", text)


@settings(max_examples=300, deadline=None)
@given(st.text("中文·-—a", max_size=30))
def test_names_as_the_plain_pattern(text):
    hidden, _ = normalize._hide_names(text)
    plain = re.sub(r"[\u4e00-\u9fff]+(?:[-·—][\u4e00-\u9fff]+){1,2}", "#", text)
    assert re.sub("<n_[a-z]+>", "#", hidden) == plain


@settings(max_examples=300, deadline=None)
@given(st.text("xuanbüt145 中", max_size=30))
def test_pinyin_as_replacing_the_longest_first(text):
    plain = text
    for syllable in sorted({match[0] for match in normalize.PINYIN.finditer(text)}, key=len, reverse=True):
        plain = plain.replace(syllable, "#")
    hidden, syllables = normalize._hide_pinyin(text)
    assert re.sub("<pinyin_[a-z]+>", "#", hidden) == plain
    assert syllables.restore(hidden).lower().replace("v", "ü").replace("u", "ü") == text.replace("u", "ü")


NAMES = "".join(f"{chr(0x4E00 + i)}·{chr(0x5E00 + i)} " for i in range(5000))


@pytest.mark.parametrize(
    "unit",
    [
        "中",
        "中·",
        NAMES,
        "a",
        "a1",
        "A-1 ",
        "A-1" + " " * 99_000,
        "<",
        "<a|",
        "<a|b>",
        "<|",
        " ",
        "xuan4",
        "。",
        "it's ",
    ],
)
def test_linear_time(unit, plain_rules):
    text = (unit * (100_000 // len(unit))) + "\n你"
    start = time.thread_time()
    TextNormalizer(GLOSSARY).normalize(text)
    assert time.thread_time() - start < 5, "half a second on an idle machine"


# --- with the grammars ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, spoken",
    [
        ("她有15只猫", "她有十五只猫"),
        ("She has 15 cats.", "She has fifteen cats."),
        ("呃，一点儿都不贵", "呃,一点儿都不贵"),  # neither interjections nor the retroflex suffix are dropped
        ("買了3個", "买了三个"),
        ("ＡＢＣ１２", "ABC十二"),
        ("The X-7-b has 2 keys", "The X-seven-b has two keys"),
    ],
)
def test_grammars(text, spoken):
    assert TextNormalizer().normalize(text) == spoken


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=25) | st.text("a1 .,-:'\"<>|{}\\[]$%中·é", max_size=25))
def test_never_raises(text):
    assert isinstance(TextNormalizer(GLOSSARY).normalize(text), str)
