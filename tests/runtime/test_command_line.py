"""The one parser of flags, and that it is the one."""

import ast
import pathlib

import pytest
from absl import flags

from indextts2_jax.errors import CheckpointError, ConfigError
from indextts2_jax.runtime import command_line

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

CONFIG = """
from ml_collections import ConfigDict

def get_config(kind="small"):
    return ConfigDict({"size": {"small": 1, "large": 9}[kind], "text": {"tokens": 5}})
"""


def define(own, command):
    flags.DEFINE_integer("count", 1, "How many.", flag_values=own)
    command_line.define_config(own, command, None, "A file.")


def run(work, *arguments, **settings):
    return command_line.run(work, define, "What it is for.", arguments, **settings)


def test_exit_codes(capsys):
    assert run(lambda own: None, "--count=2") == 0
    assert run(lambda own: own.count, "--count=7") == 7
    assert run(lambda own: pytest.fail("it was run"), "--help") == 0
    out, err = capsys.readouterr()
    assert out.startswith("What it is for.") and "--count: How many." in out and not err


def test_two_commands_with_a_flag_of_one_name():
    assert run(lambda own: run(lambda inner: own.count * inner.count, "--count=3"), "--count=2") == 6
    assert "count" not in flags.FLAGS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count=x"], "--count=x"),
        (["--colour=red"], "colour"),
        (["word"], "Unexpected argument 'word'"),
        (["--config=nowhere.py"], "Cannot load the configuration file nowhere.py"),
        (["--config={file}:tiny"], "'tiny'"),
        (["--config={file}", "--config.text.colour=red"], "no such setting"),
        (["--config={file}", "--config.size=x"], "--config.size=x"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message, tmp_path, capsys):
    (tmp_path / "config.py").write_text(CONFIG)
    code = run(lambda own: 0, *(argument.format(file=tmp_path / "config.py") for argument in arguments))
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ") and message in err


def test_an_override_of_a_default_that_it_does_not_have(capsys):
    def define(own, command):
        command_line.define_config(own, command, "indextts2", "A file.")

    assert command_line.run(lambda own: 0, define, None, ["--config.text.colour=red"]) == 2
    assert capsys.readouterr().err.startswith("error: There is no such setting in the configuration")


def test_errors_of_the_work(capsys):
    def fail(error):
        def work(own):
            raise error

        return work

    two = CheckpointError("One is\n missing.\nTwo  too.")
    assert run(fail(two)) == run(fail(two), lines=True) == 2
    assert run(fail(KeyboardInterrupt())) == 130
    shown = ["error: One is missing. Two too.", "error: One is", "error: missing.", "error: Two too.", "Interrupted."]
    assert capsys.readouterr().err.splitlines() == shown
    with pytest.raises(ZeroDivisionError):
        run(fail(ZeroDivisionError()))


def test_what_stands_beside_the_flags():
    names = []
    assert run(lambda own: len(names), "a", "--count=2", "b", names=names) == 2 and names == ["a", "b"]


def test_a_configuration_and_what_is_changed_in_it(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG)
    found = []
    run(
        lambda own: found.append(own.config.to_dict()), f"--config={tmp_path}/config.py:large", "--config.text.tokens=6"
    )
    assert found == [{"size": 9, "text": {"tokens": 6}}]


def test_changes_have_the_types_of_their_keys():
    values = {"size": 1, "text": {"tokens": 3, "pause": 0.5, "on": False, "name": "a"}}
    changes = ["size=9", "text.pause=2", "text.on=true", "text.name=b=c"]
    assert command_line.overridden(values, changes) == {
        "size": 9,
        "text": {"tokens": 3, "pause": 2.0, "on": True, "name": "b=c"},
    }
    assert command_line.overridden(values, []) == values
    for change, word in (("text.token=1", "token"), ("size=many", "many"), ("size=1.5", "1.5"), ("x.y=1", "x")):
        with pytest.raises(ConfigError, match=word):
            command_line.overridden(values, [change])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionError(13, "Permission denied", "/locked/model"),
            "error: The system refuses /locked/model: Permission",
        ),
        (OSError(28, "No space left on device"), "error: The system refuses: No space left"),
        (NotADirectoryError(20, "Not a directory", "/file/below"), "error: The system refuses /file/below: Not a"),
        (TimeoutError("late"), "error: The system refuses: late."),
    ],
)
def test_what_the_system_refuses_is_one_line(error, said, capsys):
    def work(own):
        raise error

    assert command_line.run(work, lambda own, command: None, "", []) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(said) and err.count("\n") == 1


# --- the one --------------------------------------------------------------------------------------------------


def _parses(tree: ast.Module) -> bool:
    """Whether it has absl's global flags or its program, values of its own, or another parser."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("FlagValues", "DEFINE_config_file")):
            return True
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node).split(".")[-1] == "FLAGS":
            return True
        if isinstance(node, ast.alias) and node.name in ("app", "absl.app", "argparse", "FLAGS"):
            return True
    return False


def test_nothing_else_parses_flags():
    folders = ("indextts2_jax", "convert", "configs", "benchmarks")
    paths = [ROOT / "run_inference.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    own = pathlib.Path(command_line.__file__)
    assert _parses(ast.parse(own.read_text(encoding="utf-8")))
    found = {path for path in paths if path != own and _parses(ast.parse(path.read_text(encoding="utf-8")))}
    assert not {str(path.relative_to(ROOT)) for path in found}
