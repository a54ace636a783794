"""`python -m indextts2_jax doctor`: well on the demo model, and it sees what is wrong."""

import json
import shutil

import numpy as np
import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import doctor
from tests import tiny_2_5
from tests.tiny import tiny_artefact


@pytest.fixture(scope="module")
def spoken():
    """(checks, arrays, audio) of the demo's sentence."""
    kept = {}
    original = doctor.stage_checks

    def keep(arrays, audio, expected):
        kept.update(arrays=arrays, audio=audio, expected=expected)
        return original(arrays, audio, expected)

    doctor.stage_checks = keep
    try:
        checks, seconds = doctor.sentence("demo", None, str(bundled.voice_clip()))
    finally:
        doctor.stage_checks = original
    return checks, seconds, kept


def test_the_demo_model_is_well(spoken):
    checks, seconds, _ = spoken
    assert len(checks) > 10 and [check for check in checks if not check.ok] == []
    assert seconds["flow_matching"] > 0


def test_what_a_model_of_2_5_makes_of_its_codes_is_looked_at(tmp_path):
    """Random weights are not well; every stage is looked at all the same."""
    folder = tiny_2_5.tiny_artefact(tmp_path / "tiny")
    checks, seconds = doctor.sentence(str(folder), None, str(bundled.voice_clip()))
    names = " ".join(check.name for check in checks)
    assert "decoded codes" in names and "latents" not in names and all(np.isfinite(check.value) for check in checks)
    assert seconds["decode"] > 0


FAULTS = {
    "a vocoder that hisses": ("audio", lambda x: 0.1 * np.random.default_rng(0).standard_normal(len(x)), "the vocoder"),
    "a vocoder that is silent": ("audio", np.zeros_like, "the vocoder"),
    "a mel of another scale": ("vocoder_mel", lambda x: x + 4.0, "flow matching"),
    "a flat mel": ("vocoder_mel", lambda x: 0.3 * x, "flow matching"),
    "codes that repeat": ("codes", lambda x: np.repeat(x[:, :3], 60, axis=1), "the GPT"),
    "features not normalised": ("semantic_emb", lambda x: 30.0 * x, "w2v-bert"),
    "no style": ("style", np.zeros_like, "CAMPPlus"),
    "latents that explode": ("gpt_latent", lambda x: 1e3 * x, "the GPT"),
    "NaN": ("gpt_layer_out", lambda x: np.full_like(x, np.nan), "float32"),
    "cut short": ("audio", lambda x: x[: len(x) // 5], "the GPT"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_seen_and_named(spoken, fault):
    name, change, suspect = FAULTS[fault]
    kept = spoken[2]
    arrays, audio = dict(kept["arrays"]), kept["audio"]
    if name == "audio":
        audio = change(audio)
    else:
        arrays[name] = change(arrays[name])
    wrong = [check for check in doctor.stage_checks(arrays, audio, kept["expected"]) if not check.ok]
    assert wrong and any(suspect in check.meaning for check in wrong)


def fake(checks):
    return lambda checkpoint, config, speaker: (checks, {"decode": 1.0})


CHECKS = [doctor.Check("good", 1.0, 0.0, 2.0, "nothing"), doctor.Check("bad", 9.0, 0.0, 2.0, "the weights")]


def test_report_and_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "sentence", fake(CHECKS[:1]))
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert "all checksums equal" in out and "gpt " in out and "all is well" in out
    monkeypatch.setattr(doctor, "sentence", fake(CHECKS))
    assert doctor.main([]) == 1
    assert "WRONG bad" in (out := capsys.readouterr().out) and "suspect: the weights" in out
    assert doctor.main(["--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [check["ok"] for check in report["checks"]] == [True, False] and not report["ok"]
    assert report["artefact"]["tensors"]["gpt"] > 50 and report["machine"]["backend"] == "cpu"


def test_a_damaged_artefact_is_an_error(tmp_path, capsys):
    shutil.copytree(tiny_artefact(tmp_path / "tiny"), tmp_path / "bad")
    weights = tmp_path / "bad" / "bigvgan.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert doctor.main([f"--checkpoint={tmp_path / 'bad'}"]) == 2
    assert "bigvgan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint=nowhere"], "nowhere"),
        (["--speaker=none.wav"], "none.wav"),
        (["--speaker=a.safetensors"], "must be a clip"),
        (["more"], "Unexpected argument"),
    ],
)
def test_bad_commands_are_one_line(arguments, message, capsys):
    assert doctor.main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
