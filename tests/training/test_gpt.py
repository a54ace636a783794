"""The speech language model's objective: cross-entropies by hand, guided attention, what is dropped and corrupted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.gpt.conditioning import Conditioning
from indextts2_jax.gpt.speech_lm import SpeechLM
from indextts2_jax.training.alignment import token_frames
from tests.annotations import unchecked
from tests.training.tiny import draw_params, first_batch, on_device, tiny_model, tiny_objective

ALIGNED = {"guided_weight": 1.0, "guided_layer": 0, "phone_weight": 1.0, "phone_layer": 1}
EXACT = {"corrupt": 0.0, "drop_condition": 0.0}


@pytest.fixture(scope="module")
def objective(data):
    return tiny_objective("gpt", data, model=tiny_model("phonemes"), objective=ALIGNED | EXACT)


@pytest.fixture(scope="module")
def params(objective):
    return draw_params(objective)


@pytest.fixture(scope="module")
def loss(objective, params):
    return jax.jit(lambda batch, key: objective.loss(params, batch, key, True)[:2])


def key_with(offset):
    """A key for which training counts code positions from this offset."""
    keys = map(jax.random.key, range(100))
    return next(k for k in keys if int(jax.random.bernoulli(jax.random.split(k, 3)[2], 0.75)) == offset)


def cross_entropy(logits, targets):
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    logits = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(logits, targets[..., None], -1)[..., 0]


def test_codes_and_text_by_hand(objective, params, loss, data):
    """As synthesis runs the second pass: SpeechLM.__call__, whose codes count from offset 0, and its logits."""
    gpt, batch, network = objective.gpt, first_batch(objective), params["network"]

    @jax.jit
    def second_pass(batch):
        def conditions(module):
            latents = module.speaker_latents(batch["speaker_clip"], batch["speaker_lengths"])
            return module.decoder_conditions(
                latents, module.emotion_vector(batch["emotion_clip"], batch["emotion_lengths"])
            )

        conds = Conditioning(gpt).apply({"params": network["conditioning"]}, method=conditions)
        lm, sequence = (
            SpeechLM(gpt),
            (conds, batch["text"], batch["text_lengths"], batch["codes"], batch["code_lengths"]),
        )
        latents = lm.apply({"params": network["speech_lm"]}, *sequence)
        hidden = lm.apply({"params": network["speech_lm"]}, *sequence, method="hidden_states")
        return conds, lm.apply({"params": network["speech_lm"]}, latents, method="logits"), hidden

    conds, logits, hidden = map(np.asarray, second_pass(batch))
    value, metrics = loss(batch, key_with(0))
    lengths = batch["code_lengths"]
    errors, right, text = [], [], []
    head = params["heads"]["text"]
    for row in range(4):
        utterance = data.indices("train")[row]
        codes = np.append(data.array("codes/codes")[utterance].astype(int), gpt.stop_mel_token)
        assert len(codes) == lengths[row]
        own = logits[row, : len(codes)]
        errors += cross_entropy(own, codes).tolist()
        right += (own.argmax(-1) == codes).tolist()
        tokens = objective.frontend.encode(objective.frontend.tokenize(data.rows[utterance]["text"]))
        states = hidden[row, conds.shape[1] : conds.shape[1] + len(tokens) + 1]
        text += cross_entropy(states @ head["kernel"] + head["bias"], np.array([*tokens, gpt.stop_text_token])).tolist()
    np.testing.assert_allclose(metrics["codes"], np.mean(errors), rtol=1e-4)
    np.testing.assert_allclose(metrics["accuracy"], np.mean(right), atol=1e-6)
    np.testing.assert_allclose(metrics["text"], np.mean(text), rtol=1e-4)
    whole = metrics["codes"] + 0.01 * metrics["text"] + metrics["guided"] + metrics["phone"]
    np.testing.assert_allclose(value, whole, rtol=1e-5)
    assert abs(loss(batch, key_with(1))[1]["codes"] - metrics["codes"]) > 1e-4  # the other positions


def pad(batch):
    longer = dict(batch)
    for name, fill in (("codes", 31), ("phones", 3), ("token", 2), ("text", 7)):
        longer[name] = np.pad(batch[name], ((0, 0), (0, 9)), constant_values=fill)
    for name in ("speaker_clip", "emotion_clip"):
        longer[name] = np.pad(batch[name], ((0, 0), (0, 8), (0, 0)), constant_values=2.0)
    return longer


def test_padding_does_not_count(objective, loss):
    batch, key = first_batch(objective), key_with(1)
    value, metrics = loss(batch, key)
    padded_value, padded_metrics = loss(pad(batch), key)
    np.testing.assert_allclose(value, padded_value, rtol=2e-5)
    for name in metrics:
        np.testing.assert_allclose(metrics[name], padded_metrics[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_dropped_conditions_are_not_heard(objective, loss):
    batch, key = first_batch(objective), key_with(1)
    other = {**batch, "speaker_clip": batch["speaker_clip"][::-1].copy(), "emotion_clip": batch["emotion_clip"] + 1}
    silent = {"keep": np.zeros(4, np.float32)}
    with_clips = [float(loss(b, key)[0]) for b in (batch, other)]
    without = [float(loss(b | silent, key)[0]) for b in (batch, other)]
    assert abs(with_clips[0] - with_clips[1]) > 1e-4
    np.testing.assert_allclose(without[0], without[1], rtol=1e-6)
    emotion_only = float(loss({**batch, "emotion_clip": other["emotion_clip"]}, key)[0])
    assert abs(emotion_only - with_clips[0]) > 1e-5


def test_how_often_conditions_are_dropped(data):
    objective = tiny_objective("gpt", data, objective={"drop_condition": 0.25})
    rng = np.random.default_rng(0)
    keep = [objective.batch(data.indices("train"), rng, True)["keep"].mean() for _ in range(60)]
    assert abs(np.mean(keep) - 0.75) < 0.06
    assert objective.batch(data.indices("train"), rng, False)["keep"].all()


class Recorder:
    """Stands in for the network: keeps what it is given, says nothing."""

    def apply(self, variables, *inputs, method, mutable=None):
        if method == "logits":
            return jnp.zeros((*inputs[0].shape[:2], 32))
        self.codes, self.offset = np.asarray(inputs[3]), int(inputs[5])
        rows = inputs[0].shape[1] + inputs[1].shape[1] + 2 + inputs[3].shape[1]
        return jnp.zeros((len(inputs[3]), rows, 16)), {"attention": {"transformer": {}}}


def test_corrupted_inputs_and_both_offsets(data, monkeypatch):
    objective = tiny_objective("gpt", data, objective={"corrupt": 0.3, "text_weight": 0.0})
    objective.speech_lm = recorder = Recorder()
    monkeypatch.setattr(type(objective), "_conditions", lambda self, params, batch: jnp.zeros((4, 4, 16)))
    batch = first_batch(objective)
    params = {"network": {"conditioning": {}, "speech_lm": {}}, "heads": {}}
    shares, offsets = [], []
    for seed in range(40):
        with unchecked():  # the recorder is no module
            value, metrics, _ = objective.loss(params, batch, jax.random.key(seed), True)
        shares.append((recorder.codes != batch["codes"]).mean())
        offsets.append(recorder.offset)
        assert recorder.codes[recorder.codes != batch["codes"]].max() < objective.gpt.start_mel_token
        np.testing.assert_allclose([value, metrics["codes"]], np.log(32), rtol=1e-5)  # the targets are not corrupted
    assert abs(np.mean(shares) - 0.3) < 0.03 and set(offsets) == {0, 1} and 0.5 < np.mean(offsets) < 0.95
    with unchecked():
        objective.loss(params, batch, jax.random.key(0), False)
    np.testing.assert_array_equal(recorder.codes, batch["codes"])  # evaluation is exact, and counts as generation does
    assert recorder.offset == 1


def test_guided_attention_looks_at_the_token_being_spoken(objective):
    """Two conditions, start, three tokens, stop, four codes: attention made by hand."""
    batch = {"codes": np.zeros((1, 4), int), "text": np.zeros((1, 3), int), "text_lengths": np.array([3])}
    batch["token"] = np.array([[1, 2, 2, 3]])  # token n stands n places behind the start
    batch = on_device(batch)
    places = 2 + 5 + 4
    keys = np.eye(places, 16)[None].astype(np.float32) * 40
    query = np.zeros((1, places, 16), np.float32)
    for row, looked_at in enumerate((3, 4, 5, 5)):  # the third looks at the wrong token
        query[0, 7 + row, looked_at] = 8.0
    spoken = np.asarray(objective._spoken(jnp.asarray(query), jnp.asarray(keys), 2, batch))
    np.testing.assert_allclose(spoken, [[1, 1, 0, 1]], atol=1e-6)

    even = np.asarray(objective._spoken(jnp.zeros((1, places, 16)), jnp.asarray(keys), 2, batch))
    np.testing.assert_allclose(even, [[1 / 8, 1 / 9, 1 / 10, 1 / 11]], rtol=1e-5)  # causal: all that is before
    short = batch | {"text_lengths": jnp.array([2])}
    even = np.asarray(objective._spoken(jnp.zeros((1, places, 16)), jnp.asarray(keys), 2, short))
    np.testing.assert_allclose(even[0, :3], [1 / 7, 1 / 8, 1 / 9], rtol=1e-5)  # padding of the text is not seen


def test_batch(objective, data):
    batch, stop = first_batch(objective, size=9), objective.gpt.stop_mel_token
    assert batch["codes"].shape == (9, 72) and batch["text"].shape == (9, 43)
    for row, utterance in enumerate(data.indices("train")):
        codes, length = data.array("codes/codes")[utterance], int(batch["code_lengths"][row])
        assert length == len(codes) + 1
        np.testing.assert_array_equal(batch["codes"][row, : length - 1], codes)
        assert (batch["codes"][row, length - 1 :] == stop).all()
        tokens = objective.frontend.tokenize(data.rows[utterance]["text"])
        assert batch["text_lengths"][row] == len(tokens)
        spoken = token_frames(tokens, data.rows[utterance]["phones"], length - 1) + 1
        np.testing.assert_array_equal(batch["token"][row, : length - 1], spoken)
        assert batch["token"][row, length - 1] == len(tokens)
        np.testing.assert_array_equal(batch["phones"][row, : length - 1], objective.labels[utterance])


def test_clips_are_other_utterances_of_the_speaker(objective, data):
    semantic, rng, differ = data.array("semantic/semantic"), np.random.default_rng(0), 0
    for _ in range(10):
        batch = objective.batch(data.indices("train"), rng, True)
        for row, utterance in enumerate(data.indices("train")):
            speaker = data.speaker_ids[utterance]
            for name in ("speaker", "emotion"):
                clip, length = batch[f"{name}_clip"][row], int(batch[f"{name}_lengths"][row])
                assert 32 // 3 <= length <= 32 and not clip[length:].any()
                found = [u for u in range(12) if holds(semantic[u].astype(np.float32), clip[:length])]
                assert len(found) == 1 and found[0] != utterance and data.speaker_ids[found[0]] == speaker
            differ += not np.array_equal(batch["speaker_clip"][row], batch["emotion_clip"][row])
    assert 0.1 < differ / 90 < 0.5
    fixed = objective.batch(data.indices("train"), rng, False)
    np.testing.assert_array_equal(fixed["speaker_clip"], fixed["emotion_clip"])
    assert (fixed["speaker_lengths"] == 32).all()


def holds(whole, part):
    return any(np.array_equal(whole[s : s + len(part)], part) for s in range(len(whole) - len(part) + 1))


def test_utterances_that_do_not_fit_are_left_out(data):
    objective = tiny_objective("gpt", data, objective={"shapes": [40, 50]})
    read = {int(u) for step in range(20) for u in objective.order("train").at(step)}
    lengths = data.array("codes/codes").lengths
    assert read == {int(u) for u in data.indices("train") if lengths[u] < 50} and len(read) < 9
