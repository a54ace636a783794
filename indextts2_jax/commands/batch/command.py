"""`indextts2 batch --checkpoint=DIR --input=lines.jsonl --output=FOLDER`: a WAV file for every line.

A line is {"text": "…", "speaker": "voice.wav"}, with more keys in docs/usage.md. FOLDER/report.jsonl says of every line
how long it took, or what is wrong with it; a wrong line stops no other. What has been spoken is not spoken again: after
a kill, the same command goes on. Exit code 0: all lines are spoken; 1: some are not; 2: nothing can be done at all.
"""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags
from tqdm import tqdm

from indextts2_jax.checkpoint import bundled, digests
from indextts2_jax.commands import settings
from indextts2_jax.commands.batch.rows import BadRow, Report, Row, apart, read_rows
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.cache import use_compilation_cache


def _define(own: command_line.Flags, command: list[str]) -> None:
    settings.define(own, command)
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


def work(own: command_line.Flags) -> int:
    """Returns the exit code: 1 where lines were not spoken."""
    if not own.input or not own.output:
        raise ConfigError("batch needs --input=FILE.jsonl and --output=FOLDER.")
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("batch needs --checkpoint: a configuration with random weights has nothing to say.")
    folder = bundled.resolve(chosen.checkpoint)
    identity = digests.identity(folder)
    lines = read_rows(
        pathlib.Path(own.input),
        chosen.config,
        chosen.model,
        speaker=_speaker(own, chosen),
        identity=identity,
        outputs=pathlib.Path(own.output),
    )
    rows = apart(lines, pathlib.Path(own.input), pathlib.Path(own.output))
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
        entries = _entries(own, chosen, left) if left else iter(())
        for entry in tqdm(entries, total=len(left), unit="line", disable=None):
            report.add(entry)
            failed += not entry["ok"]
    finally:
        report.close()
    print(f"{len(rows) - failed} of {len(rows)} lines are spoken; {report.path} says more.")
    return int(failed > 0)


def _speaker(own: command_line.Flags, chosen: settings.Chosen) -> str | None:
    """Whose voice lines have that name none: the bundled model has one of its own."""
    if own.speaker is None and bundled.is_demo(chosen.checkpoint):
        return str(bundled.voice_clip())
    return own.speaker


def _entries(own: command_line.Flags, chosen: settings.Chosen, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    output = pathlib.Path(own.output)
    if own.workers:
        from indextts2_jax.commands.batch import cluster

        return cluster.speak(rows, chosen.checkpoint, chosen.config, output.resolve(), own.at_once, own.workers)
    use_compilation_cache()
    from indextts2_jax.commands.batch.speaker import Speaker

    return Speaker(chosen.checkpoint, chosen.config, output, own.at_once).speak(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
