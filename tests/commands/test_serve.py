"""`indextts2 serve` before anything is loaded: what it refuses, in a line."""

import socket
import subprocess
import sys

import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import serve
from tests.conftest import ROOT

LINES = [
    (["--host=0.0.0.0"], "other machines reach, so clients must have keys: give --api_key_file=FILE."),
    (["--host=::"], "--api_key_file"),
    (["--host=example.org"], "--api_key_file"),
    (["--host=192.168.0.7"], "--api_key_file"),
    (["--api_key_file=nowhere.txt"], "Cannot read the keys in nowhere.txt"),
    (["--api_key_file={empty}"], "holds no key"),
    (["--api_key_file={short}"], "at least 8 ASCII characters"),
    (["--api_key_file={spaces}"], "without spaces"),
    (["--port={taken}"], "Cannot listen at 127.0.0.1"),
    (["--port=70000"], "port"),
    (["--queue=0"], "queue"),
    (["--wyoming=0.0.0.0:10200"], "must look like tcp://"),
    (["--speaker=nowhere.wav"], "nowhere.wav"),
    (["--speaker={empty}"], "empty file"),
    (["--speaker=nowhere.safetensors"], "No voice file"),
    (["--voices={empty}"], "Cannot write the voices' folder"),
    (["--voice_name=alloy"], "must look like alloy=anna"),
    (["--voice_name=alloy=nobody"], "there is no such voice"),
    (["--checkpoint=nowhere"], "nowhere"),
    (["--ray_address=auto"], "is of use with --replicas only"),
    (["--replicas=2", "--wyoming=tcp://127.0.0.1:0"], "--wyoming is not for several replicas"),
    (["--replicas=0"], "replicas"),
    (["--config.decode.num_beams=99"], "decode.num_beams"),
    (["extra"], "Unexpected argument 'extra'"),
]


@pytest.mark.parametrize(("arguments", "says"), LINES, ids=[line[0][0] for line in LINES])
def test_one_line(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in {"empty": "", "short": "# mine\nabc\n", "spaces": "a key with spaces\n"}.items():
        (tmp_path / name).write_text(text)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        names = {name: tmp_path / name for name in ("empty", "short", "spaces")} | {"taken": taken.getsockname()[1]}
        given = ["--checkpoint=demo", "--port=0", *arguments]
        code = serve.main([argument.format(**names) for argument in given])
    err = capsys.readouterr().err
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1 and says in err, err


def test_a_model_that_cannot_be_loaded(tmp_path):
    """The worker says why, and the command with it."""
    for path in bundled.MODEL.iterdir():
        data = bytearray(path.read_bytes())
        data[-1] ^= "gpt" in path.name
        (tmp_path / path.name).write_bytes(data)
    arguments = [f"--checkpoint={tmp_path}", "--port=0", f"--voices={tmp_path / 'voices'}"]
    command = [sys.executable, "-m", "indextts2_jax", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ") and "damaged" in done.stderr, done.stderr


def test_what_is_missing_is_named(monkeypatch, capsys):
    monkeypatch.setattr(serve, "NEEDED", ("a_package_that_nobody_has",))
    assert serve.main(["--checkpoint=demo"]) == 2
    assert capsys.readouterr().err.endswith("pip install 'indextts2_jax[server]'.\n")
