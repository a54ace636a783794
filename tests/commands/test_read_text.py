"""`indextts2 read` as a person calls it."""

import io
import itertools
import json
import subprocess
import sys

import pytest

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import read_text
from indextts2_jax.text.frontend import build_frontend
from indextts2_jax.text.tiny import train_tiny_tokenizer

COMMAND = [sys.executable, "-m", "indextts2_jax", "read"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "bpe.model"
    path.write_bytes(train_tiny_tokenizer())
    return path


def run(*flags: str, stdin: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *flags], input=stdin, capture_output=True, timeout=300)


def test_a_json_line_for_every_line(model, tmp_path):
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


@pytest.fixture
def read(monkeypatch, capfd):
    """In this process: (exit code, what was printed as JSON, what went to stderr)."""

    def run(*flags: str, stdin: bytes = b"") -> tuple[int, list, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = read_text.main(flags)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return run


@pytest.mark.parametrize(
    "flags, stdin, message",
    [
        (["--tokenizer={model}", "--checkpoint=demo"], b"", "either --tokenizer"),
        (["--tokenizer=/none/bpe.model"], b"", "/none/bpe.model cannot be read"),
        (["--tokenizer={file}"], b"", "not a SentencePiece model"),
        (["--tokenizer={model}", "--max_tokens=1"], b"", "--max_tokens=1"),
        (["--tokenizer={model}", "--max_tokens=601"], b"", "--max_tokens=601"),
        (["--tokenizer={model}", "--quick_tokens=-1"], b"", "--quick_tokens=-1"),
        (["--tokenizer={model}", "--nothing"], b"", "nothing"),
        (["--tokenizer={model}", "--glossary=/none.json"], b"", "/none.json cannot be read"),
        (["--tokenizer={model}", "text"], b"", "standard input"),
        (["--tokenizer={model}"], b"E\n\xff\n", "Line 2"),
        (["--checkpoint=/none"], b"", "no artefact at /none"),
        (["--checkpoint=demo", "--frontend=phonemes"], b"", "--frontend goes with --tokenizer"),
        (["--checkpoint=demo", "--config=/none.py"], b"", "/none.py"),
        (["--checkpoint=demo", "--config.text.max_text_tokens_per_segment=0"], b"", "max_text_tokens_per_segment"),
    ],
)
def test_errors_are_one_line(flags, stdin, message, model, read):
    code, _, err = read(*(flag.format(model=model, file=__file__) for flag in flags), stdin=stdin)
    (line,) = err.splitlines()
    assert message in line and code == 2


def test_english_as_a_person_reads_it(model, read):
    text = b'In 1,234 cases <break time="1s"/> No.\n'
    code, (row,), _ = read("--checkpoint=demo", stdin=text)
    assert code == 0 and row["pauses_ms"] == [1000.0]
    assert row["normalized"] == "In one thousand two hundred thirty four cases. No."
    code, (row,), _ = read(f"--tokenizer={model}", "--config.text.english=careful", stdin=text)
    assert code == 0 and row["pauses_ms"] == [1000.0]
    assert row["normalized"] == "In one thousand two hundred thirty four cases No."


def test_a_long_line_is_read_in_pieces(read):
    text = b"The boat came home at 10:30, and it rained. " * 600
    code, (row,), _ = read("--checkpoint=demo", stdin=text + b"\n")
    assert code == 0 and row["normalized"].count("ten thirty") == 600


def test_a_checkpoint_has_its_front_end_and_its_settings(read):
    text = b"The boat came home before the storm, and everyone on the quay was glad, and sang, for it was late.\n"
    flags = (
        [],  # 80 tokens are the bundled model's setting
        ["--config.text.max_text_tokens_per_segment=40"],
        ["--config=configs/chapters.py"],  # 60 in English, 120 else
        ["--config=configs/chapters.py", "--max_tokens=100"],
        ["--max_tokens=40"],
    )
    found = [read("--checkpoint=demo", *more, stdin=text) for more in flags]
    assert {code for code, *_ in found} == {0}
    rows = [row for _, (row,), _ in found]
    assert rows[0]["tokens"][:5] == ["▁DH", "AH0", "▁B", "OW1", "T"] and "unknown" not in rows[0]
    whole = bundled_frontend().segments(rows[0]["tokens"], 80)
    assert rows[0]["segments"] == whole and rows[3]["segments"] == [rows[0]["tokens"]] != rows[2]["segments"]
    assert max(map(len, rows[1]["segments"])) <= 40 < max(map(len, whole)) <= 80
    assert max(map(len, rows[2]["segments"])) <= 60
    assert rows[4]["segments"] == rows[1]["segments"]


def bundled_frontend():
    return build_frontend("phonemes", bundled.model_folder() / "tokenizer.model")


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
    script = "import sys, indextts2_jax.commands.read_text; print({'jax', 'kaldifst'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
