"""Voices between voices."""

import numpy as np
import pytest

from indextts2_jax import ReferenceVoice
from indextts2_jax.commands import voices
from indextts2_jax.errors import CheckpointError


def voice(value, frames=100, own=True, model_id="m"):
    """One of which every number is `value`."""

    def full(*shape):
        return np.full(shape, value, np.float32)

    own_emotion = full(6) if own else None
    prompt = full(frames, 8), full(frames, 5)
    return ReferenceVoice(full(4, 6), full(6), own_emotion, full(3), *prompt, model_id, f"sha of {value}")


def test_a_mixture_is_the_weighted_mean():
    made = voices.mix([voice(1.0), voice(5.0)], [3, 1])
    for array in (made.speaker_latents, made.emotion_base, made.emotion_own, made.style):
        assert array.dtype == np.float32 and np.allclose(array, 2.0)
    assert made.prompt_mel[:, 0].tolist() == [5.0] * 33 + [1.0] * 100  # the heaviest stands last
    assert len(made.prompt_condition) == len(made.prompt_mel)
    assert made.source_sha256 != voices.mix([voice(1.0), voice(5.0)], [1, 3]).source_sha256


@pytest.mark.parametrize("weights", [(1, 1), (0.7, 0.3), (0.001, 0.999), (2e6, 1.0)])
def test_prompts_keep_their_proportion_and_their_limit(weights):
    made = voices.mix([voice(1.0, 1200), voice(2.0, 700)], weights)
    first = np.count_nonzero(made.prompt_mel[:, 0] == 1.0)
    assert 1 <= first < len(made.prompt_mel) <= voices.MAX_FRAMES + 1
    assert first / len(made.prompt_mel) == pytest.approx(weights[0] / sum(weights), abs=0.01)


def test_a_voice_without_its_own_emotion_leaves_the_mixture_without():
    assert voices.mix([voice(1.0), voice(2.0, own=False)], [1, 1]).emotion_own is None
    with pytest.raises(CheckpointError, match="different models"):
        voices.mix([voice(1.0), voice(2.0, model_id="n")], [1, 1])


def run(capsys, *arguments):
    code = voices.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_from_the_command_line(tmp_path, capsys):
    for name, value in (("a", 1.0), ("b", 3.0)):
        voice(value).save(tmp_path / f"{name}.safetensors")
    output = tmp_path / "both.safetensors"
    parts = [f"{tmp_path / 'a.safetensors'}:1.5", tmp_path / "b.safetensors:0.5"]
    code, out, _ = run(capsys, "mix", f"--output={output}", *parts)
    assert code == 0 and "both.safetensors" in out
    assert np.allclose(ReferenceVoice.load(output).style, 1.5)
    code, _, _ = run(capsys, "mix", f"--output={output}", tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert code == 0 and np.allclose(ReferenceVoice.load(output).style, 2.0)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (["a.safetensors:1"], "at least two"),
        (["a.safetensors:1", "b.safetensors:0"], "above 0"),
        (["a.safetensors:1", "b.safetensors:x"], "no voice with a weight"),
        (["a.safetensors:1", "b.safetensors:nan"], "no voice with a weight"),
        (["a.safetensors:1", "b.safetensors:inf"], "no voice with a weight"),
        (["a.safetensors:1", "b.wav:1"], "no voice with a weight"),
        (["a.safetensors:1", "nowhere.safetensors:1"], "No voice file"),
    ],
)
def test_what_is_wrong(parts, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        voice(1.0).save(tmp_path / f"{name}.safetensors")
    code, out, err = run(capsys, "mix", "--output=c.safetensors", *parts)
    assert code == 2 and out == "" and err.count("\n") == 1 and told in err
    assert not (tmp_path / "c.safetensors").exists()
