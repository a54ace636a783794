"""`indextts2 batch --checkpoint=DIR --input=lines.jsonl --output=FOLDER`: a WAV file for every line.

A line is {"text": "…", "speaker": "voice.wav"}, with more keys in docs/usage.md. FOLDER/report.jsonl says of every line
how long it took, or what is wrong with it; a wrong line stops no other. What has been spoken is not spoken again: after
a kill, the same command goes on. Exit code 0: all lines are spoken; 1: some are not; 2: nothing can be done at all.
"""

import hashlib
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags
from ml_collections import config_flags

from indextts2_jax.checkpoint import bundled, digests
from indextts2_jax.commands.batch.rows import BadRow, Report, Row, read_rows
from indextts2_jax.config import Config, from_dict
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line


def _define(own: flags.FlagValues, command: list[str]) -> None:
    config_flags.DEFINE_config_file("config", None, "Settings, instead of the checkpoint's.", flag_values=own)
    flags.DEFINE_string("checkpoint", None, "Folder that `indextts2 convert` wrote, or demo.", flag_values=own)
    flags.DEFINE_string("input", None, "JSONL file, a request a line.", flag_values=own)
    flags.DEFINE_string("output", None, "Folder for the audio files and report.jsonl.", flag_values=own)
    flags.DEFINE_string("speaker", None, "Clip or voice file for lines that name none.", flag_values=own)
    flags.DEFINE_integer("at_once", 8, "Lines spoken together.", lower_bound=1, upper_bound=64, flag_values=own)
    flags.DEFINE_integer(
        "workers", 0, "Processes of a Ray cluster (extra `ray`); 0: this process alone.", lower_bound=0, flag_values=own
    )


def by_length(rows: Sequence[Row]) -> list[Row]:
    """Of lines spoken together the shortest waits for the longest: similar ones go together, the longest first."""
    return sorted(rows, key=lambda row: (-len(row.text), row.number))


def work(own: flags.FlagValues) -> int:
    """Returns the number of lines that were not spoken."""
    from tqdm import tqdm

    if not own.input or not own.output or not own.checkpoint:
        raise ConfigError("batch needs --checkpoint=DIR, --input=FILE.jsonl and --output=FOLDER.")
    from indextts2_jax.checkpoint.artefact import read_header

    folder = bundled.resolve(own.checkpoint)
    header = read_header(folder)
    config = from_dict(Config, own.config.to_dict()) if own.config is not None else header.defaults or Config()
    identity = hashlib.sha256((folder / digests.NAME).read_bytes()).hexdigest()  # of the weights, wherever they lie
    rows = list(read_rows(pathlib.Path(own.input), config, speaker=own.speaker, identity=identity))
    report = Report(pathlib.Path(own.output))
    failed = 0
    try:
        for row in rows:
            if isinstance(row, BadRow):
                failed += 1
                report.add({"line": row.number, "ok": False, "error": row.error})
        good = [row for row in rows if isinstance(row, Row)]
        left = by_length([row for row in good if not report.done(row)])
        print(f"{len(good) - len(left)} of {len(rows)} lines were spoken before, {failed} make no sense.")
        entries = _entries(own, config, left) if left else iter(())
        for entry in tqdm(entries, total=len(left), unit="line", disable=None):
            report.add(entry)
            failed += not entry["ok"]
    finally:
        report.close()
    print(f"{len(rows) - failed} of {len(rows)} lines are spoken; {report.path} says more.")
    return failed


def _entries(own: flags.FlagValues, config: Config, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    output = pathlib.Path(own.output)
    if own.workers:
        from indextts2_jax.commands.batch import cluster

        return cluster.speak(rows, own.checkpoint, config, output.resolve(), own.at_once, own.workers)
    from indextts2_jax import use_compilation_cache

    use_compilation_cache()
    from indextts2_jax.commands.batch.speaker import Speaker

    return Speaker(own.checkpoint, config, output, own.at_once).speak(rows)


def main(arguments: Sequence[str]) -> int:
    failed: list[int] = []
    code = command_line.run(lambda own: failed.append(work(own)), _define, __doc__, arguments)
    return code or int(any(failed))
