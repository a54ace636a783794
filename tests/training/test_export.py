"""From finished runs to derived arrays and to an artefact that speaks."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from indextts2_jax import IndexTTS2
from indextts2_jax.array_typing import Params
from indextts2_jax.errors import CheckpointError, TrainingError
from indextts2_jax.pipeline import stages
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.tiny import train_tiny_tokenizer
from indextts2_jax.training import encode as encode_module
from indextts2_jax.training import export as export_module
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.encode import encode
from indextts2_jax.training.export import export
from indextts2_jax.training.latents import encode_latents
from indextts2_jax.training.objectives import NETWORKS
from indextts2_jax.training.prepare import prepare
from indextts2_jax.training.runs import write_config
from indextts2_jax.training.state import write_network
from tests.tiny import voice_clip
from tests.training.tiny import noise, random_params, tiny_config, tiny_model


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """One finished run a network, of random networks: the tests of the loop and of the objectives hold the rest."""
    folder = tmp_path_factory.mktemp("runs")
    for network in NETWORKS:
        write_config(tiny_config(network, data, folder / network))
        write_network(folder / network / "last.safetensors", random_params()[network])
    return folder


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """A data set of its own, encoded by the random networks. Its last clip has an odd number of fbank frames."""
    folder = tmp_path_factory.mktemp("encoded")
    rows = []
    for i, seconds in enumerate((1.2, 0.7, 0.9, 0.71)):
        soundfile.write(folder / f"{i}.wav", noise(i, seconds, 16000), 16000)
        rows.append(json.dumps({"audio": f"{i}.wav", "text": "Yes.", "speaker": "ann"}))
    (folder / "manifest.jsonl").write_text("\n".join(rows))
    prepare(folder / "manifest.jsonl", folder / "data")
    data = DataSet.open(folder / "data")
    for network in ("w2v_bert", "semantic_codec", "campplus"):
        encode(data, network, random_params(), tiny_model(), {"run": network})
    return data


def test_encode_does_what_synthesis_does(encoded: DataSet) -> None:
    model, params = tiny_model(), random_params()
    features, fbank = encoded.array("features"), encoded.array("fbank")
    assert features.lengths.tolist() == [59, 34, 44, 35] and fbank.lengths[3] == 69  # the others are even
    # all four at once again, but not through the batches of `encode`: in another order, and the attended frames by hand
    order = [3, 1, 0, 2]
    x, n = _stacked([features[i] for i in order]), features.lengths[order].astype(np.int32)
    attended = n - np.array([1, 0, 0, 0], np.int32)
    assert fbank.lengths[order].tolist() == (2 * attended + [1, 0, 0, 0]).tolist()
    semantic = np.asarray(stages.semantic_features(params, x, attended, model=model))
    codes = np.asarray(stages.quantize(params, semantic, n, model=model)[0])
    styles = np.asarray(
        stages.speaker_embedding(params, _stacked([fbank[i] for i in order], 128), fbank.lengths[order], model=model)
    )
    for row, i in enumerate(order):
        found = encoded.array("semantic/semantic")[i]
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, semantic[row, : n[row]], rtol=2e-3, atol=2e-3)
        own = encoded.array("codes/codes")[i]
        assert own.dtype == np.uint16 and len(own) == n[row]
        assert (own == codes[row, : n[row]]).mean() > 0.9  # of half-precision frames
        np.testing.assert_allclose(encoded.array("style/style")[i][0], styles[row], rtol=1e-3, atol=1e-3)
    source = json.loads((encoded.folder / "codes" / "source.json").read_text())
    assert source == {"run": "semantic_codec"}


def test_latents_are_those_of_the_second_pass(encoded: DataSet, tmp_path) -> None:
    model, params = tiny_model(), random_params()
    (tmp_path / "bpe.model").write_bytes(train_tiny_tokenizer())
    encode_latents(encoded, {"gpt": params["gpt"]}, model, tmp_path / "bpe.model", {"run": "gpt"}, batch=3)
    frontend = build_frontend(model.text_frontend, train_tiny_tokenizer())
    text = np.array([frontend.encode(frontend.tokenize("Yes."))], np.int32)
    # one utterance by itself, after each of the other clips: one of them is the clip that was chosen
    codes = encoded.array("codes/codes")[2].astype(np.int32)
    found = encoded.array("latents/latents")[2]
    assert found.dtype == np.float16 and found.shape == (len(codes), model.gpt.width)
    distances = []
    for other in (0, 1, 3):
        clip = encoded.array("semantic/semantic")[other].astype(np.float32)
        semantic, n = (clip[None], np.array([len(clip)], np.int32))
        voice = stages.speaker_latents(params, semantic, n, model=model)
        emotion = stages.emotion_vector(params, semantic, n, model=model)
        conds = stages.decoder_conditions(params, voice, emotion, model=model)
        lengths = (np.array([text.shape[1]], np.int32), np.array([len(codes)], np.int32))
        latents = stages.code_latents(params, conds, text, lengths[0], codes[None], lengths[1], model=model)
        distances.append(float(np.abs(np.asarray(latents)[0] - found).max()))
    assert sorted(distances)[0] < 5e-3 < 10 * 5e-3 < sorted(distances)[1]


def test_latents_of_what_is_too_long(encoded: DataSet, tmp_path) -> None:
    (tmp_path / "bpe.model").write_bytes(train_tiny_tokenizer())
    model = dataclasses.replace(tiny_model(), gpt=dataclasses.replace(tiny_model().gpt, max_mel_tokens=40))
    # the first clip has 59 codes
    with pytest.raises(TrainingError, match=r"Row 1 .* too long"):
        encode_latents(encoded, {}, model, tmp_path / "bpe.model", {})


def _stacked(rows: list[np.ndarray], size: int = 64) -> np.ndarray:
    return np.stack([np.pad(row.astype(np.float32), ((0, size - len(row)), (0, 0))) for row in rows])


def test_encode_without_what_it_reads(encoded: DataSet, tmp_path) -> None:
    (tmp_path / "rows.jsonl").write_text((encoded.folder / "rows.jsonl").read_text())
    with pytest.raises(TrainingError, match="semantic/semantic"):
        encode(DataSet.open(tmp_path), "semantic_codec", random_params(), tiny_model(), {})


def test_the_artefact_speaks(runs, encoded: DataSet, tmp_path) -> None:
    output = tmp_path / "artefact"
    export(runs, train_tiny_tokenizer(), encoded, output, dtype="float32")
    config = {"decode": {"max_mel_tokens": 20, "num_beams": 1}, "flow": {"steps": 2}}
    tts = IndexTTS2.from_pretrained(output, config=config)
    assert tts.model == tiny_model()
    for network in NETWORKS:
        _assert_equal(tts.params[network], random_params()[network])
    # the mean of the styles, and the mean emotion of the clips as synthesis hears it
    emotion = tts.params["emotion"]
    styles = np.stack([encoded.array("style/style")[i][0] for i in range(4)])
    np.testing.assert_allclose(emotion["speaker_matrix"], np.tile(styles.mean(0), (8, 1)), rtol=1e-5, atol=1e-6)
    semantic = encoded.array("semantic/semantic")
    x, n = _stacked([semantic[i] for i in range(4)]), semantic.lengths.astype(np.int32)
    vectors = np.asarray(stages.emotion_vector(random_params(), x, n, model=tiny_model()))
    np.testing.assert_allclose(emotion["emotion_matrix"], np.tile(vectors.mean(0), (8, 1)), rtol=1e-3, atol=1e-4)

    speech = tts.synthesize("The cat.", voice_clip())
    assert len(speech.audio) and np.isfinite(speech.audio).all() and np.abs(speech.audio).max() > 0


def _assert_equal(one: Params, other: Params) -> None:
    assert one.keys() == other.keys()
    for name, leaf in one.items():
        if isinstance(leaf, dict):
            _assert_equal(leaf, other[name])
        else:
            np.testing.assert_array_equal(leaf, other[name])


@pytest.fixture
def some_runs(runs, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for network in NETWORKS:
        (folder / network).mkdir()
        for file in (runs / network).iterdir():
            (folder / network / file.name).hardlink_to(file)
    return folder


def _refused(runs, data, tmp_path, error=TrainingError, which="last", tokenizer=b""):
    with pytest.raises(error) as caught:
        export(runs, tokenizer or train_tiny_tokenizer(), data, tmp_path / "artefact", dtype="float32", which=which)
    assert not (tmp_path / "artefact").exists() and "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_that_are_missing_or_do_not_belong_together(some_runs, data, tmp_path):
    run = some_runs / "s2mel"
    assert f"{some_runs / 'w2v_bert' / 'best.safetensors'}" in _refused(some_runs, data, tmp_path, which="best")
    (run / "last.safetensors").unlink()
    assert str(run / "last.safetensors") in _refused(some_runs, data, tmp_path)
    (run / "last.safetensors").write_bytes(b"half a network")
    assert str(run / "last.safetensors") in _refused(some_runs, data, tmp_path)
    (run / "config.json").unlink()
    assert str(run) in _refused(some_runs, data, tmp_path)
    write_config(tiny_config("bigvgan", data, run))
    write_network(run / "last.safetensors", random_params()["bigvgan"])
    assert "is a run of bigvgan" in _refused(some_runs, data, tmp_path)
    (run / "config.json").unlink()
    write_config(tiny_config("s2mel", data, run, model=tiny_model("phonemes")))
    assert "another model" in _refused(some_runs, data, tmp_path)


def test_a_tokenizer_that_does_not_fit(runs, data, tmp_path):
    lexicon = (data.folder.parent / "lexicon.model").read_bytes()
    _refused(runs, data, tmp_path, CheckpointError, tokenizer=lexicon)


def test_the_command_lines(runs, encoded, tmp_path, capsys):
    """What `python -m` runs, without the cost of a process each."""
    from indextts2_jax.runtime import command_line

    def call(module, *arguments):
        code = command_line.run(module.work, module.define, module.__doc__, [str(a) for a in arguments])
        out = capsys.readouterr()
        return code, out.out, out.err.strip()

    (tmp_path / "bpe.model").write_bytes(train_tiny_tokenizer())
    places = [f"--runs={runs}", f"--tokenizer={tmp_path / 'bpe.model'}", f"--data={encoded.folder}"]
    code, out, err = call(export_module, *places, f"--output={tmp_path / 'artefact'}", "--dtype=float16")
    assert (code, err) == (0, "") and str(tmp_path / "artefact") in out and (tmp_path / "artefact").is_dir()
    code, out, err = call(encode_module, f"--data={encoded.folder}", f"--run={runs / 'campplus'}")
    assert code == 0
    source = json.loads((encoded.folder / "style" / "source.json").read_text())
    assert source == {"run": str(runs / "campplus"), "network": "campplus"}
    bad = (
        (export_module, [], "--runs"),
        (export_module, [*places, f"--output={tmp_path / 'x'}", "--dtype=int3"], "--dtype"),
        (export_module, [*places, f"--output={tmp_path / 'x'}", "--data=nowhere"], "nowhere"),
        (export_module, [*places, f"--output={tmp_path / 'x'}", "--tokenizer=nothing.model"], "nothing.model"),
        (encode_module, [f"--data={encoded.folder}"], "--run"),
        (encode_module, [f"--data={encoded.folder}", "--run=a", "--artefact=b"], "--artefact"),
        (encode_module, [f"--data={encoded.folder}", f"--run={runs / 'bigvgan'}"], "encodes nothing"),
        (encode_module, [f"--data={encoded.folder}", f"--run={runs / 'gpt'}", "--latents"], "--artefact"),
        (encode_module, [f"--data={encoded.folder}", f"--run={runs / 'none'}"], "none"),
        (encode_module, [f"--data={encoded.folder}", f"--artefact={tmp_path / 'none'}"], "none"),
    )
    for module, arguments, word in bad:
        code, out, err = call(module, *arguments)
        assert code == 2 and err.startswith("error: ") and word in err and "\n" not in err, (arguments, err)
