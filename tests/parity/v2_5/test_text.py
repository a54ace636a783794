"""The text front-end of IndexTTS-2.5 against the official one: every recorded text, every step, exactly."""

import json

import pytest

from indextts2_jax.config import TextConfig
from indextts2_jax.text.tiktoken.frontend import TiktokenFrontend
from indextts2_jax.text.tiktoken.languages import LANGUAGES, row_of
from indextts2_jax.text.tiktoken.normalize import Normalizer
from indextts2_jax.text.tiktoken.segment import split_text
from tests.conftest import SHARED

VOCABULARY = SHARED / "assets" / "v2_5" / "multilingual_zh_ja_yue_char_del.tiktoken"
STEPS = {"char_map": "mapped", "normalized": "normalized", "cased": "cased", "tags": "tagged", "final": "final"}
"""What the goldens call them, and what we do."""


def texts() -> list:
    path = SHARED / "goldens" / "v2_5" / "text_frontend.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [pytest.param(json.loads(line), id=f"line{number}") for number, line in enumerate(lines, 1)]


@pytest.fixture(scope="module")
def frontend(shared) -> TiktokenFrontend:
    pytest.importorskip("tiktoken")
    pytest.importorskip("fugashi")
    return TiktokenFrontend(VOCABULARY)


@pytest.fixture(scope="module")
def normalizer() -> Normalizer:
    return Normalizer()


def test_every_text_is_there(shared):
    assert len(texts()) == 86


@pytest.mark.parametrize("golden", texts())
def test_text(golden, frontend, normalizer):
    steps = normalizer.steps(golden["text"], golden["lang"], golden.get("text_normalization", True))
    for name, own in STEPS.items():
        if name in golden:
            assert getattr(steps, own) == golden[name], name
    assert row_of(golden["lang"]) == golden["lang_row"]
    vocabulary = frontend.vocabulary
    prefix = f"<|{golden['lang'].lower()}|> "
    for name in filter(lambda key: key.startswith("max="), golden):
        budget = min(int(name[4:]), 600) - len(vocabulary.encode(prefix))
        segments = split_text(steps.final, budget, lambda text: len(vocabulary.encode(text)))
        assert segments == golden[name]["segments"], name
        assert [[*vocabulary.encode(prefix + segment), 1] for segment in segments] == golden[name]["ids"], name


@pytest.mark.parametrize("golden", texts())
def test_text_through_the_front_end(golden, frontend):
    """As `synthesize` reads it, where it is a text of a language that can be asked for."""
    language = golden["lang"].lower()
    if language not in LANGUAGES or not golden["text"].strip() or golden.get("text_normalization") is False:
        assert not frontend.tokenize("")
        return
    told = frontend.configured(TextConfig(language=language))
    tokens = told.tokenize(golden["text"])
    for name in filter(lambda key: key.startswith("max="), golden):
        made = told.segments(tokens, int(name[4:]))
        assert [[*told.encode(segment), 1] for segment in made] == golden[name]["ids"], name


def test_vectors(frontend):
    for text, ids in {
        "<|zh|> 你好": [58839, 220, 48934, 50371],
        "<|en|> translate for me, what is a surprise!": [58838, 13507, 337, 385, 11, 437, 307, 257, 6275, 0],
        "<|es|> ¡HOLA!": [58841, 6419, 39, 4990, 32, 0],
        "<|zh|> <|SPECIAL_TOKEN_2|>XING2<|SPECIAL_TOKEN_2|>": [58839, 220, 58959, 55, 2997, 17, 58959],
    }.items():
        assert frontend.vocabulary.encode(text) == ids
        assert frontend.vocabulary.ids(frontend.vocabulary.tokens(text)) == ids


def test_a_token_has_a_name_of_its_own(frontend):
    from indextts2_jax.text.tiktoken import vocabulary

    ranks = vocabulary.parse(VOCABULARY.read_bytes())
    names = {vocabulary.shown(token) for token in ranks}
    assert len(names) == len(ranks) == 58836 and frontend.vocab_size == 60509
    assert all(vocabulary.written(vocabulary.shown(token)) == token for token in ranks)
