"""A run's network in place of an artefact's own."""

import dataclasses

import jax
import numpy as np
import pytest

from indextts2_jax.checkpoint import artefact
from indextts2_jax.checkpoint.networks import NETWORKS
from indextts2_jax.runtime import command_line
from indextts2_jax.training import merge
from indextts2_jax.training.runs import write_config
from indextts2_jax.training.state import write_network
from tests.emotion_text import tiny as emotion_text
from tests.training import tiny_finetune


@pytest.fixture(scope="module")
def run(base, tmp_path_factory):
    """What `loop.run` would leave: the GPT, every number a little larger."""
    folder = tmp_path_factory.mktemp("runs") / "gpt"
    write_config(tiny_finetune.config("lora", base, folder, folder))
    network = artefact.load_artefact(base).params["gpt"]
    write_network(folder / "last.safetensors", jax.tree.map(lambda leaf: np.asarray(leaf) * 1.5, network))
    return folder


def call(*arguments: str) -> int:
    return command_line.run(merge.work, merge.define, merge.__doc__, arguments)


def test_the_rest_is_the_artefacts(base, run, tmp_path, capsys):
    assert call(f"--artefact={base}", f"--run={run}", f"--output={tmp_path / 'new'}") == 0
    assert "MB" in capsys.readouterr().out
    artefact.verify_artefact(tmp_path / "new")
    before, after = artefact.load_artefact(base), artefact.load_artefact(tmp_path / "new")
    assert (after.model, after.tokenizer, after.dtype) == (before.model, before.tokenizer, before.dtype)
    assert after.model_id != before.model_id and after.defaults == before.defaults
    for network in NETWORKS:
        factor = 1.5 if network == "gpt" else 1.0
        jax.tree.map(
            lambda a, b, factor=factor: np.testing.assert_array_equal(np.asarray(a) * factor, b),
            before.params[network],
            after.params[network],
        )


def test_the_emotion_classifier_comes_along(base, tmp_path):
    plain, gifted, run = artefact.load_artefact(base), tmp_path / "base", tmp_path / "run"
    params = {**plain.params, "qwen": emotion_text.converted(emotion_text.RANDOM, emotion_text.random_tensors())}
    model = dataclasses.replace(plain.model, qwen=emotion_text.RANDOM)
    artefact.save_artefact(gifted, model=model, params=params, tokenizer=plain.tokenizer, qwen_tokenizer=b"{}")
    write_config(tiny_finetune.config("lora", gifted, run, run))
    write_network(run / "last.safetensors", plain.params["gpt"])
    merge.merge(gifted, run, tmp_path / "new")
    before, after = artefact.load_artefact(gifted), artefact.load_artefact(tmp_path / "new")
    assert after.model == model and after.qwen_tokenizer == b"{}"
    jax.tree.map(np.testing.assert_array_equal, before.params["qwen"], after.params["qwen"])


def test_dtype(base, run, tmp_path):
    assert call(f"--artefact={base}", f"--run={run}", f"--output={tmp_path / 'new'}", "--dtype=float16") == 0
    assert artefact.load_artefact(tmp_path / "new").dtype == "float16"


def test_what_cannot_be_merged(base, run, tmp_path, capsys):
    def error(**changed) -> str:
        options = {"artefact": base, "run": run, "output": tmp_path / "new"} | changed
        assert call(*(f"--{name}={value}" for name, value in options.items())) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ") and message.count("\n") == 1
        assert not (tmp_path / "new").exists()
        return message

    assert "is no training run" in error(run=tmp_path)
    assert "Cannot read the trained network" in error(which="best")
    assert "There is no artefact" in error(artefact=tmp_path / "none")
    assert "is the artefact itself" in error(output=base)
    (tmp_path / "file").write_text("mine")
    assert "is a file" in error(output=tmp_path / "file")

    config = tiny_finetune.config("lora", base, run, tmp_path / "other")
    gpt = dataclasses.replace(config.model.gpt, max_mel_tokens=99)
    write_config(dataclasses.replace(config, model=dataclasses.replace(config.model, gpt=gpt)))
    write_network(tmp_path / "other" / "last.safetensors", {"x": np.zeros(1)})
    assert "is of another model" in error(run=tmp_path / "other")
    codec = dataclasses.replace(config, network="semantic_codec", lora_rank=0, output=str(tmp_path / "codec"))
    write_config(codec)
    write_network(tmp_path / "codec" / "last.safetensors", {"x": np.zeros(1)})
    assert "which the other networks of an artefact depend on" in error(run=tmp_path / "codec")
