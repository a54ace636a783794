"""`python -m indextts2_jax read` as a person calls it."""

import itertools
import json
import subprocess
import sys

import pytest

from indextts2_jax.text.tiny import train_tiny_tokenizer

COMMAND = [sys.executable, "-m", "indextts2_jax", "read"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "bpe.model"
    path.write_bytes(train_tiny_tokenizer())
    return path


def run(*flags: str, stdin: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *flags], input=stdin, capture_output=True, timeout=300)


def test_a_json_line_for_every_line(model, tmp_path, grammars):
    (tmp_path / "g.json").write_text('{"R.9": "R nine"}')
    flags = [f"--tokenizer={model}", "--max_tokens=12", "--quick_tokens=5", f"--glossary={tmp_path / 'g.json'}"]
    done = run(*flags, stdin="The r.9 waits. The cat reads it.\r\n\nthe 海\nThe boat.[pause:1s]The sea.\n".encode())
    assert done.returncode == 0, done.stderr
    first, second, third, fourth = map(json.loads, done.stdout.decode().splitlines())
    assert (first["text"], first["normalized"]) == (
        "The r.9 waits. The cat reads it.",
        "The R nine waits. The cat reads it.",
    )
    assert (
        len(first["tokens"]) == len(first["ids"]) > 0 and list(itertools.chain(*first["segments"])) == first["tokens"]
    )
    assert len(first["segments"]) > 1 and "unknown" not in first
    assert second == {"text": "", "normalized": "", "tokens": [], "ids": [], "segments": []}
    assert third["unknown"] == ["海"] and "海" in done.stdout.decode()  # not escaped
    assert (fourth["normalized"], fourth["pauses_ms"]) == ("The boat. The sea.", [1000.0])
    assert "pauses_ms" not in first and len(fourth["segments"]) == 2


@pytest.mark.parametrize(
    "flags, stdin, message",
    [
        ([], b"", "--tokenizer"),
        (["--tokenizer=/none/bpe.model"], b"", "/none/bpe.model cannot be read"),
        (["--tokenizer={file}"], b"", "not a SentencePiece model"),
        (["--tokenizer={model}", "--max_tokens=1"], b"", "--max_tokens=1"),
        (["--tokenizer={model}", "--max_tokens=601"], b"", "--max_tokens=601"),
        (["--tokenizer={model}", "--quick_tokens=-1"], b"", "--quick_tokens=-1"),
        (["--tokenizer={model}", "--nothing"], b"", "nothing"),
        (["--tokenizer={model}", "--glossary=/none.json"], b"", "/none.json cannot be read"),
        (["--tokenizer={model}", "text"], b"", "standard input"),
        (["--tokenizer={model}"], b"E\n\xff\n", "Line 2"),
    ],
)
def test_errors_are_one_line(flags, stdin, message, model):
    done = run(*(flag.format(model=model, file=__file__) for flag in flags), stdin=stdin)
    (line,) = done.stderr.decode().splitlines()
    assert message in line
    assert done.returncode == 2


def test_a_closed_pipe_ends_quietly(model):
    process = subprocess.Popen(
        [*COMMAND, f"--tokenizer={model}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(b"E\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.stdout.close()
    _, complaint = process.communicate(b"E\nE\n", timeout=300)
    assert (process.returncode, complaint) == (0, b"")


def test_starts_without_jax_or_grammars():
    script = "import sys, indextts2_jax.commands.read_text; print({'jax', 'pynini', 'tn'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
