"""Pauses and paragraphs: what they cut, what is no pause, and that cutting takes linear time."""

import pytest

from indextts2_jax.errors import TextError
from indextts2_jax.text.script import Stretch, stretches, without_pauses


def cut(text: str, paragraphs: bool = False) -> list[tuple[str, float | None]]:
    return [(stretch.text, stretch.pause_ms) for stretch in stretches(text, paragraphs)]


def test_text_without_pauses_is_one_stretch():
    text = "One [two] {three}.\n\nFour: [pauses] five."
    assert stretches(text, paragraphs=False) == [Stretch(text, None, False)]


def test_pauses_cut():
    assert cut("One. [pause:800ms] Two.") == [("One.", None), ("Two.", 800.0)]
    assert cut("一。[pause：1.5s]二。") == [("一。", None), ("二。", 1500.0)]
    assert cut("[Pause: 0 MS ]One") == [("One", 0.0)]
    assert cut("One [pause] two[PAUSE]") == [("One", None), ("two", 500.0), ("", 500.0)]
    assert cut("[pause:1s]One[pause:2s]") == [("One", 1000.0), ("", 2000.0)]


def test_adjacent_pauses_add_up():
    assert cut("One [pause:1s][pause:250ms]\n[pause:0.5s] two") == [("One", None), ("two", 1750.0)]


@pytest.mark.parametrize(
    "pause",
    [
        "[pause:]",
        "[pause:long]",
        "[pause:800]",
        "[pause:-5ms]",
        "[pause:1e3ms]",
        "[pause:5 min]",
        "[pause:800ms",
        "[pause:8\n00ms]",
    ]
    + ["[pause:61s]", "[pause:60001ms]", "[pause:999999999s]", "[pause:" + "9" * 5000 + "ms]"],
)
def test_what_is_no_pause(pause):
    with pytest.raises(TextError) as caught:
        stretches(f"One {pause} two.", paragraphs=False)
    message = str(caught.value)
    assert "[pause:8" in message or "60 seconds" in message
    assert "\n" not in message and len(message) < 200


def test_all_pauses_together_are_limited():
    assert len(stretches("a [pause:60s] " * 60, paragraphs=False)) == 61
    with pytest.raises(TextError, match="3600 seconds together"):
        stretches("a [pause:60s] " * 61, paragraphs=False)


def test_paragraphs_are_cut_at_blank_lines():
    text = "One,\nstill one.\n \n\nTwo.\r\n\r\nThree."
    assert [s.text for s in stretches(text, True)] == ["One,\nstill one.", "Two.", "Three."]
    assert [s.new_paragraph for s in stretches(text, True)] == [False, True, True]


def test_paragraphs_are_cut_before_indented_lines():
    assert [s.text for s in stretches("第一章\n\u3000\u3000一。\n\u3000\u3000二。", True)] == ["第一章", "一。", "二。"]


def test_lines_are_paragraphs_where_nothing_else_separates_them():
    assert [s.text for s in stretches("One.\nTwo.\nThree.", True)] == ["One.", "Two.", "Three."]


def test_a_pause_stands_instead_of_the_end_of_a_paragraph():
    found = stretches("One.\n\n[pause:2s]\n\nTwo.\n\nThree.", True)
    assert [(s.text, s.pause_ms) for s in found] == [("One.", None), ("Two.", 2000.0), ("Three.", None)]


def test_without_pauses():
    assert without_pauses("One[pause:1s]two") == "One two"


@pytest.mark.parametrize("text", ["[pause:" * 60_000, "[pause:1" + "0" * 300_000, "\n" * 300_000, "\n \t" * 100_000])
def test_linear_time(text):
    """Quadratic time would be hours here."""
    if text.strip():
        with pytest.raises(TextError):
            stretches(text, True)
    else:
        assert stretches(text, True) == []
