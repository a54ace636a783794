"""What `pip install` puts where: one name, everything below it, and the data files."""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

from indextts2_jax import __main__ as command

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
COMMANDS = ("speak", "batch", "script", "book", "serve", "voices", "read", "doctor", "warmup", "convert", "train")


def test_every_folder_of_python_is_listed():
    found = set()
    for top, prefix in {"indextts2_jax": "", "convert": "indextts2_jax.", "configs": "indextts2_jax."}.items():
        for path in (ROOT / top).rglob("*.py"):
            found.add(prefix + ".".join(path.parent.relative_to(ROOT).parts))
            assert (path.parent / "__init__.py").is_file(), path
    assert SETUPTOOLS["packages"] == sorted(found)
    assert {name.split(".")[0] for name in SETUPTOOLS["packages"]} == {"indextts2_jax"}
    assert SETUPTOOLS["package-dir"] == {f"indextts2_jax.{top}": top for top in ("convert", "configs")}


def test_the_data_files_are_listed():
    (package, patterns), *others = SETUPTOOLS["package-data"].items()
    listed = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    tracked = {path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert listed == tracked and not others


def test_the_console_script():
    assert PROJECT["project"]["scripts"] == {"indextts2": f"{command.__name__}:main"}
    assert tuple(command.COMMANDS) == COMMANDS == tuple(re.findall(r"^    (\w+)  ", command.__doc__, re.MULTILINE))


def test_help_and_unknown_commands(capsys):
    assert command.main([]) == command.main(["--help"]) == 0
    assert capsys.readouterr().out.count("convert   the published checkpoint") == 2
    assert command.main(["sing"]) == 2
    assert capsys.readouterr().err == f"error: there is no command 'sing'; there are {', '.join(COMMANDS)}.\n"


@pytest.mark.parametrize("name", ["batch", "script", "book", "serve", "voices", "read", "doctor", "warmup", "convert"])
def test_every_command_has_help(name, capsys):
    assert command.main([name, "--help"]) == 0
    assert f"indextts2 {name}" in capsys.readouterr().out


def test_a_checkout_that_is_not_installed(tmp_path):
    """There `indextts2_jax.convert` is nowhere to be found: the folder beside the package is taken."""
    plain = "import sys; sys.meta_path = [f for f in sys.meta_path if 'Editable' not in getattr(f, '__name__', '')]; "
    run = plain + "from indextts2_jax.__main__ import main; sys.exit(main(['convert', '--source=x', '--output=y']))"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == "error: There is no published checkpoint at x: no such folder.\n"
