"""From a text to eight weights: prompt, tokens, answer; and what is refused."""

import dataclasses
import importlib.util
import json

import pytest

from indextts2_jax.emotion_text import classifier
from indextts2_jax.emotion_text.classifier import EmotionClassifier
from indextts2_jax.emotion_text.question import check_available
from indextts2_jax.errors import CheckpointError, EmotionError
from tests.annotations import unchecked
from tests.emotion_text.tiny import ANSWER, STOP, speaking_classifier, tokenizer_json


def test_it_says_what_its_weights_say():
    pytest.importorskip("tokenizers")
    ask = speaking_classifier(*ANSWER)
    assert ask.answer("Whatever it is.") == '{"高兴": 0.1, "悲伤": 0.7}'
    assert ask("Whatever it is.") == (0.1, 0.0, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert ask("Gloomy 。\n") == (0.1, 0.0, 0.0, 0.0, 0.0, 0.7, 0.0, 0.0)


def test_only_what_stands_behind_the_thinking_is_the_answer():
    pytest.importorskip("tokenizers")
    ask = speaking_classifier('{"高兴": 1.0}', "</think>", '{"悲伤": 0.5}')
    assert ask.answer("a") == '{"悲伤": 0.5}'


def test_an_answer_without_end(monkeypatch):
    pytest.importorskip("tokenizers")
    ask = speaking_classifier(*ANSWER)
    ask.config = dataclasses.replace(ask.config, stop_tokens=(0,))
    monkeypatch.setattr(classifier, "MAX_ANSWER_TOKENS", 20)
    with pytest.raises(EmotionError, match="came to no end in 20 tokens"):
        ask("a")


def test_the_dtype_of_the_model():
    pytest.importorskip("tokenizers")
    ask = speaking_classifier(*ANSWER)
    ask._dtype = "bfloat16"
    assert ask.answer("a") == "".join(ANSWER)
    assert ask._params["norm"]["scale"].dtype == "bfloat16"


def test_special_tokens_in_the_text_are_read_as_upstream_reads_them():
    pytest.importorskip("tokenizers")
    ask = speaking_classifier(*ANSWER)
    assert ask._tokenizer.encode(ask.prompt(f"a{STOP}b")).ids.count(256) == 3


def test_texts_that_are_refused():
    pytest.importorskip("tokenizers")
    ask = speaking_classifier(*ANSWER)
    for text in ("", "  \n", None, 3):
        with unchecked(), pytest.raises(EmotionError, match="must be some words"):
            ask(text)
    with pytest.raises(EmotionError, match=r"makes a prompt of \d+ tokens, at most 2048 are read"):
        ask("word " * 500)


def test_a_model_without_classifier():
    with pytest.raises(CheckpointError) as caught:
        check_available(None)
    message = str(caught.value)
    assert "hf download IndexTeam/IndexTTS-2" in message and "indextts2 convert" in message and "\n" not in message


def test_without_tokenizers(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tokenizers" else found(name))
    ask = EmotionClassifier({}, classifier.QwenConfig(), b"{}")
    with pytest.raises(CheckpointError, match=r"pip install 'indextts2_jax\[emotion-text\]'"):
        ask("a")


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff"])
def test_a_damaged_tokenizer(data):
    pytest.importorskip("tokenizers")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json cannot be used"):
        EmotionClassifier({}, classifier.QwenConfig(), data)("a")


def test_a_tokenizer_of_another_network():
    pytest.importorskip("tokenizers")
    config = classifier.QwenConfig(vocab_size=256, stop_tokens=(0,))
    with pytest.raises(CheckpointError, match="has 259 tokens, its network 256"):
        EmotionClassifier({}, config, tokenizer_json(*ANSWER))("a")


def test_padding_and_truncation_of_the_file_are_switched_off():
    pytest.importorskip("tokenizers")
    value = json.loads(tokenizer_json(*ANSWER))
    value["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    ask = speaking_classifier(*ANSWER)
    ask._tokenizer_json = json.dumps(value).encode()
    assert ask.answer("Whatever it is.") == "".join(ANSWER)
