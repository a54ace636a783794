"""The vocoder's losses: what they hear and what they do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.audio import mel as host_mel
from indextts2_jax.training.objectives import bigvgan
from indextts2_jax.training.objectives.bigvgan import frame, magnitudes, stft_loss
from tests.training.tiny import first_batch, noise, on_device, tiny_objective

SIZES = ((4096, 512), (2048, 256), (1024, 256), (512, 128))
TIME = np.arange(16384) / 22050


def tone(pitch):
    return (0.2 * sum(np.sin(2 * np.pi * pitch * k * TIME) / k for k in range(1, 20)))[None].astype(np.float32)


def test_frames():
    x = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    found = np.asarray(frame(jnp.asarray(x), 256, 64))
    expected = np.lib.stride_tricks.sliding_window_view(x[:, :960], 256, axis=1)[:, ::64]
    np.testing.assert_array_equal(found, expected)


def test_magnitudes():
    x = np.random.default_rng(0).standard_normal((1, 2048)).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    frames = np.lib.stride_tricks.sliding_window_view(x[0].astype(np.float64), 512)[::128] * window
    np.testing.assert_allclose(
        magnitudes(jnp.asarray(x), 512, 128)[0], np.abs(np.fft.rfft(frames)), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(("size", "hop"), SIZES)
def test_equal_signals_cost_nothing(size, hop):
    x = jnp.asarray(tone(120.0))
    value, gradient = jax.value_and_grad(lambda y: stft_loss(y, x, size, hop))(x)
    assert value < 1e-4 and np.isfinite(gradient).all()
    silence = jnp.zeros_like(x)
    value, gradient = jax.value_and_grad(lambda y: stft_loss(y, silence, size, hop))(silence)
    assert value < 1e-2 and np.isfinite(gradient).all()


def loss_of(output, target):
    return float(sum(stft_loss(jnp.asarray(output), jnp.asarray(target), size, hop) for size, hop in SIZES) / 4)


def test_a_wrong_pitch_costs():
    """And the more, the more wrong it is; with the long windows a semitone is heard."""
    target = tone(120.0)
    costs = [loss_of(tone(120.0 * 2 ** (cents / 1200)), target) for cents in (0, 50, 100, 300)]
    assert costs[0] < 1e-3 and np.all(np.diff(costs[:3]) > 0) and costs[3] > costs[1]
    assert costs[2] > 0.7
    moved = loss_of(np.roll(target, 40, axis=1), target)  # the phase does not matter as much
    assert moved < 0.6 * costs[2]


def test_a_wrong_level_costs():
    target = noise(0, 0.8)[None, :16384]
    assert loss_of(0.5 * target, target) > loss_of(0.8 * target, target) > 0.1


@pytest.fixture(scope="module")
def objective(data):
    return tiny_objective("bigvgan", data)


def test_crops_of_mel_and_audio_belong_together(objective, data):
    batch = first_batch(objective)
    assert batch["mel"].shape == (4, 8, 80) and batch["audio"].shape == (4, 8 * 256)
    for row, utterance in enumerate(data.indices("train")[:4]):
        mel = data.array("mel")[utterance].astype(np.float32)
        start = next(i for i in range(len(mel)) if np.array_equal(mel[i : i + 8], batch["mel"][row]))
        audio = data.array("audio")[utterance][start * 256 : (start + 8) * 256] / np.float32(32767)
        np.testing.assert_allclose(batch["audio"][row], audio, atol=1e-7)


def test_short_clips_end_in_silence(data):
    objective = tiny_objective("bigvgan", data, objective={"frames": 96})
    batch = objective.batch(np.array([0]), np.random.default_rng(0), True)
    frames = data.array("mel").lengths[0]
    assert frames < 96
    np.testing.assert_allclose(batch["mel"][0, frames:], np.log(host_mel.FLOOR), rtol=1e-3)
    assert not batch["audio"][0, (frames + 2) * 256 :].any() and batch["audio"][0, : frames * 256].any()


def test_the_mel_term_is_the_pipelines_mel(objective, monkeypatch):
    """Against audio/mel.py on the same windows, which lie within the crop, from every 256th sample on."""
    target, output = noise(0, 1.0)[: 8 * 256], noise(1, 1.0)[: 8 * 256]
    monkeypatch.setattr(bigvgan, "apply", lambda *inputs: jnp.asarray(output)[None])
    batch = {"mel": np.zeros((1, 8, 80), np.float32), "audio": target[None]}
    value, metrics, _ = objective.loss({"network": {}}, on_device(batch), jax.random.key(0), True)

    def log_mels(audio):
        # ref_mel reflects 384 samples at both ends; with 384 - 256 more in front, its frame i begins at 256 (i - 2)
        return host_mel.ref_mel(np.pad(audio, (128, 0)))[2:7]

    expected = np.abs(log_mels(target) - log_mels(output))
    assert expected.shape == (5, 80) and expected.mean() > 0.1
    np.testing.assert_allclose(metrics["mel"], expected.mean(), rtol=1e-3)
    sizes = zip(objective.settings.stft_sizes, objective.settings.stft_hops, strict=True)
    waves = jnp.asarray(output)[None], jnp.asarray(target)[None]
    stft = np.mean([stft_loss(*waves, size, hop) for size, hop in sizes])
    np.testing.assert_allclose(metrics["stft"], stft, rtol=1e-5)
    np.testing.assert_allclose(value, metrics["mel"] + metrics["stft"], rtol=1e-5)
