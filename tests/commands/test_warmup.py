"""`indextts2 warmup`: bad commands are one line, a good one tells of every step."""

import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import warmup
from indextts2_jax.synthesis import warmup as synthesis_warmup
from tests.tiny import tiny_artefact


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint=nowhere"], "nowhere"),
        (["--speaker=none.wav"], "none.wav"),
        (["--speaker=none.safetensors"], "none.safetensors"),
        (["--longest_seconds=0"], "longest_seconds"),
        (["--at_once=0"], "at_once"),
        (["--compilation_cache="], "compilation_cache"),
        (["more"], "Unexpected argument"),
    ],
)
def test_bad_commands_are_one_line(arguments, message, capsys):
    assert warmup.main(["--checkpoint=demo", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_every_step_is_told(tmp_path, capsys, monkeypatch):
    """What is compiled is a matter of tests/synthesis/test_warmup.py; here is what the flags make of it."""
    asked = {}

    def warm_up(tts, voices, *, progress, **how):
        asked.update(how, voices=voices, beams=tts.config.decode.num_beams)
        progress(synthesis_warmup.Warmed("vocoder: 1 x 64 frames", 1.25, 1, 1))

    monkeypatch.setattr(synthesis_warmup, "warm_up", warm_up)
    monkeypatch.setattr(warmup, "use_compilation_cache", lambda folder: asked.update(folder=folder))
    code = warmup.main(
        [f"--checkpoint={tiny_artefact(tmp_path / 'tiny')}", f"--compilation_cache={tmp_path}", "--longest_seconds=7.5"]
        + ["--at_once=4", "--config.decode.num_beams=2"]
    )
    out, err = capsys.readouterr()
    assert code == 0 and err == "   1/1    1.2 s  vocoder: 1 x 64 frames\n"
    assert out == "1 steps in 1 s: all that is up to 7.5 s long is compiled.\n"
    assert asked == {
        "folder": str(tmp_path), "voices": [str(bundled.voice_clip())], "longest_seconds": 7.5, "at_once": 4, "beams": 2
    }  # fmt: skip
