"""Training with the parts of IndexTTS-2.5: codes at half the rate, the speaker by the style, a language, no latents."""

import dataclasses

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from indextts2_jax import config as c
from indextts2_jax.checkpoint.artefact import save_artefact
from indextts2_jax.checkpoint.networks import init_random
from indextts2_jax.errors import ConfigError, TrainingError
from indextts2_jax.text.tiktoken.tiny import tiny_vocabulary
from indextts2_jax.training import loop
from indextts2_jax.training.encode import encode
from indextts2_jax.training.latents import encode_latents
from indextts2_jax.training.objectives import build_objective
from indextts2_jax.training.state import read_network, write_network
from tests.training import tiny_finetune
from tests.training.tiny import draw_params, first_batch, make_data, on_device, tiny_config, tiny_model


def model_of_2_5() -> c.ModelConfig:
    model = tiny_model()
    speaker = {"speaker_conformer": None, "speaker_perceiver": None, "style_dim": 8, "text_vocab": 269 + 1673}
    return dataclasses.replace(
        model,
        semantic_codec=dataclasses.replace(model.semantic_codec, decoder=True, frames_per_code=2),
        gpt=dataclasses.replace(model.gpt, languages=c.LanguagesConfig(first_token=271), **speaker),
        s2mel=dataclasses.replace(model.s2mel, latent_dim=0),
        text_frontend="tiktoken",
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    pytest.importorskip("tiktoken")
    folder = tmp_path_factory.mktemp("of_2_5")
    data, params = make_data(folder), init_random(model_of_2_5(), 3)
    encode(data, "semantic_codec", params, model_of_2_5(), {})
    write_network(folder / "codec.safetensors", params["semantic_codec"])
    (folder / "vocabulary.tiktoken").write_bytes(tiny_vocabulary())
    return data


def objective_of(network, data, **settings):
    if network == "gpt":
        settings = {"tokenizer": str(data.folder.parent / "vocabulary.tiktoken"), **settings}
    return build_objective(tiny_config(network, data, model=model_of_2_5(), objective=settings), data)


def test_codes_come_at_half_the_rate(prepared):
    """An odd last frame has none."""
    frames, codes = prepared.array("semantic/semantic").lengths, prepared.array("codes/codes").lengths
    np.testing.assert_array_equal(codes, frames // 2)
    assert any(frames % 2)


@pytest.mark.parametrize("network", ["gpt", "s2mel"])
def test_every_part_learns(network, prepared):
    objective = objective_of(network, prepared)
    params, batch = draw_params(objective), on_device(first_batch(objective))
    (value, _), gradients = jax.jit(
        jax.value_and_grad(
            lambda p: (lambda loss: (loss.value, 0))(objective.loss(p, batch, jax.random.key(0), False)), has_aux=True
        )
    )(params)
    assert np.isfinite(value)
    if network == "gpt":
        learnt = gradients["network"]["speech_lm"]["language_embedding"]["embedding"]
        rows = np.flatnonzero(np.abs(np.asarray(learnt)).sum(axis=1))
        assert rows.tolist() == [0], "English, and no other language"
        assert np.abs(gradients["network"]["conditioning"]["speaker_projection"]["kernel"]).sum() > 0
    else:
        assert set(gradients["network"]) == {"dit", "length_regulator"}


def test_adapters_learn_on_it(prepared, tmp_path):
    """LoRA changes the matrices that it adapts, and neither the languages' rows nor the speaker's."""
    params = init_random(model_of_2_5(), 0)
    save_artefact(tmp_path / "base", model=model_of_2_5(), params=params, tokenizer=tiny_vocabulary())
    config = tiny_finetune.config("lora", tmp_path / "base", prepared.folder, tmp_path / "run", steps=4, save_every=4)
    report = loop.run(config, show_bar=False)
    assert all(np.isfinite(float(row["loss"])) for row in report.rows)
    before, after = flatten_dict(params["gpt"]), flatten_dict(read_network(tmp_path / "run" / "last.safetensors"))
    changed = {path[-3:-1] for path in after if not np.array_equal(before[path], after[path])}
    assert {name for _, name in changed} == {"attention_in", "attention_out", "mlp_in", "mlp_out"}


def test_marks_are_left_out_as_in_generation(prepared):
    objective = objective_of("gpt", prepared)
    rows = prepared.rows
    ids, _ = objective._text(next(i for i, row in enumerate(rows) if row["text"] == "The cat."))
    assert ids[0] == 271 and not set(ids) & {0, 1}


def test_the_language_of_a_row(prepared, monkeypatch):
    """Its own, else that of the settings, else by the script; the row of the table and the capitals follow."""
    english, spanish = 271, 274
    assert objective_of("gpt", prepared)._text(0)[0][0] == english
    assert objective_of("gpt", prepared, language="es")._text(0)[0][0] == spanish
    named = dataclasses.replace(prepared, rows=[{**row, "language": "es"} for row in prepared.rows])
    for settings in ({}, {"language": "en"}):
        assert objective_of("gpt", named, **settings)._text(0)[0][0] == spanish
    with pytest.raises(ConfigError, match=r"objective\.language"):
        objective_of("gpt", prepared, language="xx")


def test_what_does_not_go_with_it(prepared):
    with pytest.raises(ConfigError, match="phone_weight are for codes of one frame"):
        objective_of("gpt", prepared, phone_weight=1.0, phone_layer=1)
    with pytest.raises(ConfigError, match="of codes alone"):
        objective_of("s2mel", prepared, latents=True)
    with pytest.raises(ConfigError, match="used as it was published"):
        objective_of("semantic_codec", prepared)
    with pytest.raises(TrainingError, match="no use for latents"):
        encode_latents(prepared, {}, model_of_2_5(), prepared.folder, {})
    lacking = dataclasses.replace(
        model_of_2_5(), semantic_codec=dataclasses.replace(model_of_2_5().semantic_codec, encoder=False)
    )
    with pytest.raises(TrainingError, match="--with_encoder"):
        encode(prepared, "semantic_codec", {}, lacking, {})
