"""The recipe: everything in the order in which it is needed, and a command that goes on where it stopped."""

import importlib
import json
import pathlib
import subprocess

import pytest

from configs import train_demo
from indextts2_jax.errors import TrainingError
from indextts2_jax.training.demo import recipe
from indextts2_jax.training.phones import FRAME_SECONDS
from indextts2_jax.training.utterances import MAX_SECONDS

MADE = {"w2v_bert": "semantic", "semantic_codec": "codes", "campplus": "style", "gpt": "latents"}
"""What a network writes into the data set once it is trained."""


def test_every_step_follows_what_it_needs(tmp_path):
    names = [step.name for step in recipe.steps(tmp_path, 1.0)]
    assert names[:4] == ["lexicon", "teacher", "corpus", "data"] and names[-1] == "artefact"
    for network, array in MADE.items():
        assert names.index(f"encode_{array}") == names.index(network) + 1
    needs = {"semantic_codec": ["semantic"], "gpt": ["semantic", "codes"], "s2mel": ["codes", "style", "latents"]}
    for network, arrays in needs.items():
        assert all(names.index(f"encode_{array}") < names.index(network) for array in arrays), network
    assert set(MADE) | {"s2mel", "bigvgan"} <= set(names)


def test_the_flow_matching_learns_from_the_latents(tmp_path):
    by_name = {step.name: step for step in recipe.steps(tmp_path, 1.0)}
    assert "--config.objective.latents=True" in by_name["s2mel"].arguments
    assert by_name["encode_latents"].arguments[1] == f"--run={tmp_path / 'runs' / 'gpt'}"
    assert by_name["encode_latents"].result == tmp_path / "data" / "latents" / "source.json"
    assert "--weak" in by_name["lexicon"].arguments


def test_the_longest_utterance_fits():
    """What the positions do not hold is left out of the GPT's training, and has no latents at all."""
    run = train_demo.RUNS["gpt"]["objective"]
    codes = int(MAX_SECONDS / FRAME_SECONDS)
    assert train_demo.demo_model().gpt.max_mel_tokens >= codes < run["shapes"][-1]


def test_the_commands_are_there_and_take_the_flags(tmp_path):
    """Their parsers, for all but training, whose flags `train_demo` gives."""
    from absl import flags

    for step in recipe.steps(tmp_path, 1.0):
        module = importlib.import_module(step.module)
        if step.module.endswith(".train"):
            continue
        own = flags.FlagValues()
        module.define(own, [])
        own(["program", *step.arguments])


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    """What stands is not made again, a failure stops, and the same command ends the rest."""
    done, fails = [], ["gpt"]

    def run(command, env, check):
        step = next(step for step in recipe.steps(tmp_path, 0.1) if [step.module, *step.arguments] == command[2:])
        done.append(step.name)
        assert env["MALLOC_ARENA_MAX"]
        if step.name not in fails:
            step.result.parent.mkdir(parents=True, exist_ok=True)
            step.result.touch()
        return subprocess.CompletedProcess(command, 1 if step.name in fails else 0)

    monkeypatch.setattr(recipe.subprocess, "run", run)
    with pytest.raises(TrainingError, match="gpt"):
        recipe.run(tmp_path, 0.1, ())
    assert done[-1] == "gpt" and "s2mel" not in done
    fails.clear()
    before = len(done)
    recipe.run(tmp_path, 0.1, ())
    assert done[before:] == ["gpt", "encode_latents", "s2mel", "artefact"]
    assert set(json.loads(pathlib.Path(tmp_path / "times.json").read_text())) == {
        step.name for step in recipe.steps(tmp_path, 0.1)
    }
