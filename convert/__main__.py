"""Converts a published checkpoint, of IndexTTS-2 or IndexTTS-2.5, to an artefact; docs/conversion.md says more.

    indextts2 convert --source=checkpoints/published --output=checkpoints/indextts2
    indextts2 convert --source=checkpoints/published --fetch       downloads it first, 6 GB; --with_qwen: 1.2 GB more
    indextts2 convert --source=checkpoints/published --fetch --model=2.5
    indextts2 convert --output=checkpoints/indextts2 --verify      compares an artefact with its SHA-256 manifest

In a checkout `python -m convert` is the same.
"""

import pathlib
from collections.abc import Sequence

from absl import flags
from tqdm import tqdm

from indextts2_jax.checkpoint.artefact import DTYPES, check_output, verify_artefact
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.process import leave

from . import fetch, report, write
from .published import CLASSIFIER
from .versions import HOMES


def _define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("source", None, "The published directory, as downloaded.", flag_values=own)
    flags.DEFINE_string("output", None, "The folder to write, or to verify.", flag_values=own)
    flags.DEFINE_enum("dtype", "float32", DTYPES, "What the parameters are stored as.", flag_values=own)
    flags.DEFINE_bool("verify", False, "Read the artefact back and compare every SHA-256.", flag_values=own)
    flags.DEFINE_bool("fetch", False, "Download the published files to --source.", flag_values=own)
    flags.DEFINE_enum("model", "2", tuple(HOMES), "With --fetch: which IndexTTS to download.", flag_values=own)
    flags.DEFINE_bool("with_qwen", False, "With --fetch: the emotion classifier too.", flag_values=own)
    flags.DEFINE_bool(
        "with_encoder", False, "Of IndexTTS-2.5 keep the codec's encoder too, for training.", flag_values=own
    )


def work(options: flags.FlagValues) -> None:
    """Raises `ConfigError` for flags that do not go together, `CheckpointError` for what cannot be converted."""
    if options.fetch:
        if not options.source:
            raise ConfigError("--fetch needs --source, the folder to download to; see --help.")
        download(pathlib.Path(options.source), options.with_qwen, options.model)
        if not options.output:
            return
    if not options.output:
        raise ConfigError("--output is missing; see --help.")
    if not options.source and not options.verify:
        raise ConfigError("--source is missing; see --help.")
    output = pathlib.Path(options.output)
    if options.source:
        convert(pathlib.Path(options.source), output, options.dtype, options.with_encoder)
    if options.verify:
        sizes = verify_artefact(output)
        print(f"{output} is intact: {len(sizes)} files, {sum(sizes.values()) / 1e9:.2f} GB.")


def download(folder: pathlib.Path, with_qwen: bool, version: str) -> None:
    """Says what comes, then fetches it. Raises `CheckpointError`."""
    planned = fetch.plan(with_qwen, version)
    print(f"To {folder}:\n{fetch.table(planned)}", flush=True)
    fetch.run(planned, folder)
    print(f"{folder} holds the published checkpoint; convert it with --source={folder} --output=DIR.")


def convert(source: pathlib.Path, output: pathlib.Path, dtype: str, with_encoder: bool) -> None:
    """Plans, prints the table, writes, and says what was unusual. Raises `CheckpointError`."""
    check_output(output)
    conversion = write.plan_conversion(source, dtype, with_encoder)
    summaries = [part.summary for part in conversion.networks]
    print(report.table(summaries))
    for line in (*conversion.published.notes, *report.types(summaries)):
        print(f"WARNING: {line}")
    if conversion.published.model.qwen is None:
        home = HOMES[conversion.published.version]
        print(f"Without emotion from text: {source} has no {CLASSIFIER}/model.safetensors (from {home}).")
    with tqdm(total=conversion.work, unit="B", unit_scale=True, desc="convert", disable=None) as bar:
        outcome = write.run(conversion, output, bar.update)
    for line in report.zeros(outcome.zeros):
        print(f"WARNING: {line}")
    print(report.verdict(outcome.verdict))
    print(f"Wrote {output} ({conversion.bytes / 1e9:.2f} GB, {dtype}).")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 2 after an error on stderr (a line a network if tensors do not fit)."""
    return command_line.run(work, _define, __doc__, arguments, lines=True)


if __name__ == "__main__":
    leave(main())
