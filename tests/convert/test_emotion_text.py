"""The emotion classifier, an optional part of the published directory: found, checked, converted; or left out."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert import __main__ as cli
from convert.emotion_text import QUESTION
from convert.published import open_published
from indextts2_jax.checkpoint import artefact as artefacts
from indextts2_jax.checkpoint.tensors import Spec, write_tensors
from indextts2_jax.config import QwenConfig
from indextts2_jax.emotion_text.classifier import EmotionClassifier
from indextts2_jax.errors import CheckpointError
from tests.emotion_text.tiny import ANSWER, STOP, speaking_config, speaking_tensors, tokenizer_json

BFLOAT16 = np.dtype(jnp.bfloat16)
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'system' %}System: {{ message.content }}{{ eos_token }}\n"
    "{% else %}Human: {{ message.content }}{{ eos_token }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
SETTINGS = {
    "model_type": "qwen3",
    "hidden_act": "silu",
    "attention_bias": False,
    "tie_word_embeddings": True,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "rms_norm_eps": 1e-06,
    "use_sliding_window": False,
    "eos_token_id": 256,
    "vocab_size": speaking_config(*ANSWER).vocab_size,
    "hidden_size": speaking_config(*ANSWER).width,
    "intermediate_size": speaking_config(*ANSWER).ffn_dim,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 4,
}


def write_weights(path, tensors):
    path.unlink(missing_ok=True)
    write_tensors(
        path,
        {name: Spec(array.shape, BFLOAT16) for name, array in tensors.items()},
        lambda name: tensors[name].astype(BFLOAT16),
    )


@pytest.fixture
def folder(published):
    """The classifier's folder, of a network that says `ANSWER`."""
    tokenizer = tokenizer_json(*ANSWER)
    folder = published / "qwen0.6bemo4-merge"
    folder.mkdir()
    files = {
        "config.json": SETTINGS,
        "generation_config.json": {"eos_token_id": 256},
        "tokenizer_config.json": {"eos_token": {"content": STOP}, "bos_token": None},
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (folder / "tokenizer.json").write_bytes(tokenizer)
    write_weights(folder / "model.safetensors", speaking_tensors(*ANSWER))
    return folder


def convert(published, output, *more) -> int:
    return cli.main([f"--source={published}", f"--output={output}", *more])


def edit(path, key, value):
    data = json.loads(path.read_text())
    data.pop(key, None)
    if value is not ...:
        data[key] = value
    path.write_text(json.dumps(data))


def test_it_is_converted_and_speaks(tmp_path, published, folder, capsys):
    assert convert(published, tmp_path / "out", "--verify") == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert re.search(r"\nqwen +24 +0 ", out) and "Without emotion" not in out
    artefact = artefacts.load_artefact(tmp_path / "out")
    assert artefact.model.qwen == speaking_config(*ANSWER)
    assert {leaf.dtype for leaf in jax.tree.leaves(artefact.params["qwen"])} == {BFLOAT16}
    source = json.loads((tmp_path / "out/config.json").read_text())["source"]
    names = {"qwen0.6bemo4-merge/config.json", "qwen0.6bemo4-merge/model.safetensors", "tokenizer.json"}
    assert names <= set(source)
    ask = EmotionClassifier(artefact.params["qwen"], artefact.model.qwen, artefact.qwen_tokenizer, artefact.dtype)
    assert ask("She is close to tears.") == (0.1, 0.0, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_without_it_the_rest_is_converted(tmp_path, published, folder, capsys):
    assert convert(published, tmp_path / "with") == 0
    (folder / "model.safetensors").unlink()
    assert convert(published, tmp_path / "without") == 0
    assert "Without emotion from text" in capsys.readouterr().out
    having, lacking = (artefacts.load_artefact(tmp_path / name) for name in ("with", "without"))
    assert lacking.model.qwen is None and "qwen" not in lacking.params and lacking.qwen_tokenizer is None
    assert having.model_id == lacking.model_id, "voices encoded by the one are voices of the other"
    assert convert(published, tmp_path / "with") == 0, "an artefact with the classifier may be replaced"
    assert not (tmp_path / "with/qwen.safetensors").exists()


def test_float16(tmp_path, published, folder):
    assert convert(published, tmp_path / "out", "--dtype=float16") == 0
    params = artefacts.load_artefact(tmp_path / "out").params["qwen"]
    assert {leaf.dtype.name for leaf in jax.tree.leaves(params)} == {"float16"}


def test_another_folder_name(published, folder):
    folder.rename(published / "classifier")
    assert open_published(published).model.qwen is None
    with (published / "config.yaml").open("a") as file:
        file.write("qwen_emo_path: somewhere/classifier/\n")
    assert open_published(published).model.qwen is not None


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_named(published, folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"missing: qwen0\.6bemo4-merge/{name} \(from IndexTeam/IndexTTS-2\)"):
        open_published(published)


def test_every_tensor_counts(tmp_path, published, folder, capsys):
    tensors = speaking_tensors(*ANSWER)
    for name in list(tensors)[::6]:
        stray = {f"stray.{name}" if key == name else key: array for key, array in tensors.items()}
        for wrong in ({key: array for key, array in tensors.items() if key != name}, stray):
            write_weights(folder / "model.safetensors", wrong)
            assert convert(published, tmp_path / "out") == 2
            err = capsys.readouterr().err
            assert err.count("\n") == 1 and name in err and err.startswith("error: qwen: ")
    assert not (tmp_path / "out").exists()


# --- the configuration ----------------------------------------------------------------------------------------


def test_the_published_settings_are_the_defaults(published, folder):
    """With the real sizes, and the real template's effect."""
    real = {
        "vocab_size": 151936,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    }
    for key, value in real.items():
        edit(folder / "config.json", key, value)
    edit(folder / "generation_config.json", "eos_token_id", 151643)
    assert open_published(published).model.qwen == QwenConfig()
    (folder / "chat_template.jinja").unlink()  # without any template the published one
    assert open_published(published).model.qwen == QwenConfig()
    assert QUESTION in QwenConfig.before_text


REFUSED = {
    "model_type": "qwen2",
    "hidden_act": "gelu",
    "attention_bias": True,
    "tie_word_embeddings": ...,
    "rope_scaling": {"type": "yarn"},
    "rope_theta": 0,
    "rms_norm_eps": "small",
    "use_sliding_window": True,
    "eos_token_id": -1,
    "vocab_size": ...,
    "hidden_size": 0,
    "num_hidden_layers": "2",
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_is_not_implemented_is_refused(published, folder, key):
    (folder / "generation_config.json").unlink()
    edit(folder / "config.json", key, REFUSED[key])
    with pytest.raises(CheckpointError, match=rf"emotion classifier cannot be converted: config\.json: {key} [^\n]*$"):
        open_published(published)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("num_key_value_heads", 3, "key_heads"), ("head_dim", 5, "head_dim"), ("eos_token_id", 9999, "stop_tokens")],
)
def test_sizes_that_do_not_go_together(published, folder, key, value, message):
    (folder / "generation_config.json").unlink()
    edit(folder / "config.json", key, value)
    with pytest.raises(CheckpointError, match=message):
        open_published(published)


def test_several_stop_tokens(published, folder):
    edit(folder / "generation_config.json", "eos_token_id", [256, 3])
    assert open_published(published).model.qwen.stop_tokens == (256, 3)


# --- the prompt -----------------------------------------------------------------------------------------------


def test_the_prompt_is_that_of_transformers(published, folder):
    transformers = pytest.importorskip("transformers", minversion="4.51")
    from tokenizers import Tokenizer

    official = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_buffer(tokenizer_json(*ANSWER)), eos_token=STOP
    )
    templates = [
        TEMPLATE,
        "{{- messages[0].content + '|' }}\n  {% if true %}\n<a>{{ messages[1]['content'] }}</a>\n{% endif %}",
    ]
    for template in templates:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
        official.chat_template = template
        config = open_published(published).model.qwen
        ask = EmotionClassifier({}, config, tokenizer_json(*ANSWER))
        for text in ("She is sad.", ' two\nlines <|mark|> {{ "x" }} ', "悲伤"):
            messages = [{"role": "system", "content": QUESTION}, {"role": "user", "content": text}]
            expected = official.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            assert ask.prompt(text) == expected
            assert ask._tokenizer.encode(expected).ids == official(expected)["input_ids"]


def test_a_template_in_the_tokenizers_configuration(published, folder):
    (folder / "chat_template.jinja").unlink()
    edit(folder / "tokenizer_config.json", "chat_template", "<{{ messages[1].content }}>")
    config = open_published(published).model.qwen
    assert (config.before_text, config.after_text) == ("<", ">")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[1].content | upper }}", "changes the text"),
        ("{{ messages[1].content | trim }}", "changes the text"),
        ("{{ messages[1].content | e }}", "changes the text"),
        ("{{ messages[1].content }}{{ messages[1].content }}", "changes the text"),
        ("nothing of it", "changes the text"),
        ("{% if %}", "cannot be rendered"),
        ("{{ missing.content }}", "cannot be rendered"),
        ("{{ messages[1].content + 1 }}", "cannot be rendered"),
        ("{{ 1 / 0 }}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "cannot be rendered"),
    ],
)
def test_templates_that_are_refused(published, folder, template, message):
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    with pytest.raises(CheckpointError, match=rf"^The chat template of the emotion classifier {message}[^\n]*$"):
        open_published(published)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"model": {"vocab": []}, "added_tokens": []}', b"\xff"])
def test_a_damaged_tokenizer(published, folder, data):
    (folder / "tokenizer.json").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is damaged"):
        open_published(published)


def test_a_tokenizer_of_another_network(published, folder):
    (folder / "tokenizer.json").write_bytes(tokenizer_json(*ANSWER, "another"))
    with pytest.raises(CheckpointError, match="tokens up to 259, but the network has 259"):
        open_published(published)


def test_everything_else_is_as_without(published, folder):
    found = open_published(published)
    (folder / "model.safetensors").unlink()
    plain = open_published(published)
    assert dataclasses.replace(found.model, qwen=None) == plain.model
    assert {name: parts for name, parts in found.components.items() if name != "qwen"} == plain.components
