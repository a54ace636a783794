"""The comparison with the peer: turns, medians, what is written; and our side of it on the tiny model."""

import itertools
import json

import numpy as np
import pytest

import tests.tiny
import tests.tiny_2_5
from benchmarks import comparison
from benchmarks.our_stages import Ours, greedy
from benchmarks.stage_names import STAGES
from indextts2_jax.audio.clip import clip_from_array
from indextts2_jax.config import replace
from tests.tiny import tiny_config, voice_clip


class Fake:
    """Takes 10 seconds the first time (it compiles), then `seconds`; writes down whose turn it was."""

    def __init__(self, name, seconds, turns):
        self.name, self.seconds, self.turns = name, itertools.chain([10.0], seconds), turns

    def run(self, stage):
        self.turns.append((stage, self.name))
        return next(self.seconds)


def compared(**sides):
    turns = []
    fakes = {name: Fake(name, seconds, turns) for name, seconds in sides.items()}
    return comparison.measure(fakes, ["end_to_end"], repeats=3), turns


def test_sides_take_turns_and_the_median_counts():
    results, turns = compared(ours=[1.0, 9.0, 2.0], peer=[4.0, 4.0, 5.0])
    assert [name for _, name in turns] == ["ours", "peer"] * 4
    times = results["end_to_end"]
    assert times["ours"].first == 10.0 and times["ours"].median == 2.0 and times["peer"].median == 4.0


def test_figures():
    results, _ = compared(ours=[1.0, 9.0, 2.0], peer=[4.0, 4.0, 5.0])
    made = comparison.figures({**results, "vocoder": results["end_to_end"]}, {"ours": 7.5, "peer": 9.0})
    assert json.loads(json.dumps(made)) == made
    assert made["end_to_end"]["ours_s"] == made["stages"]["vocoder"]["ours_s"] == 2.0
    assert made["end_to_end"]["peer_s"] == 4.0 and made["end_to_end"]["ratio"] == 0.5
    assert made["peak_gb"] == {"ours": 7.5, "peer": 9.0}


@pytest.mark.parametrize("sides", [{"ours": [1.0, 9.0, 2.0]}, {"ours": [1.0, 9.0, 2.0], "peer": [4.0, 4.0, 5.0]}])
def test_table_and_plot(sides, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `bench`")
    results, _ = compared(**sides)
    text = comparison.table(results)
    assert "2.000" in text and ("0.50" in text) == ("peer" in sides)
    comparison.draw(results, tmp_path / "bars.png", "title")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", list(STAGES))
def test_our_stages_run(model):
    """Each of them, for as many codes as were asked for."""
    tiny = {"2": tests.tiny, "2.5": tests.tiny_2_5}[model]
    tts = tiny.tiny_synthesizer()
    tts.config = replace(tiny.tiny_config(), flow={"steps": 1})
    try:
        ours = Ours(tts, clip_from_array(*voice_clip(), 0.5), np.arange(5, 20), codes=6)
        for name, stage in ours.stages().items():
            try:
                stage()
            except RuntimeError as error:  # random weights may stop early: then the comparison refuses
                assert name in ("generation", "end_to_end") and "not the 6" in str(error)
    finally:
        tts.config = tiny.tiny_config()
    assert set(ours.stages()) == {*STAGES[model], "end_to_end"}


def test_greedy_has_nothing_random():
    config = greedy(tiny_config(), 6)
    assert (config.decode.do_sample, config.decode.num_beams, config.decode.max_mel_tokens) == (False, 1, 6)
    assert greedy(tiny_config(), 6, beams=3).decode.do_sample
