"""`indextts2 COMMAND …`, or `python -m indextts2_jax COMMAND …`.

    speak     a text and a clip to a file or a pipe
    batch     the lines of a JSONL file to audio files
    script    a play or subtitles, in several voices, to one recording
    book      an EPUB, Markdown or a plain text to audio with chapters
    serve     speech over HTTP, and a page
    voices    clips to voice files
    read      what will be read of a text
    doctor    is everything right?
    warmup    all is compiled ahead, and kept on the disk
    convert   the published checkpoint to a folder that the others take
    train     one network of a model

`indextts2 COMMAND --help` says more.
"""

import importlib
import sys
from collections.abc import Callable, Sequence

from indextts2_jax.runtime import streams
from indextts2_jax.runtime.process import leave, tidily

COMMANDS = {
    "speak": "indextts2_jax.commands.speak",
    "batch": "indextts2_jax.commands.batch.command",
    "script": "indextts2_jax.commands.script",
    "book": "indextts2_jax.commands.book",
    "serve": "indextts2_jax.commands.serve",
    "voices": "indextts2_jax.commands.voices",
    "read": "indextts2_jax.commands.read_text",
    "doctor": "indextts2_jax.commands.doctor",
    "warmup": "indextts2_jax.commands.warmup",
    "convert": "indextts2_jax.convert.__main__",
    "train": "indextts2_jax.training.train",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names; returns its exit code, or ends the program with it."""
    code = tidily(lambda: _run(*((sys.argv[1:] if arguments is None else arguments) or ["--help"])))
    if arguments is None:
        leave(code)
    return code


def _run(name: str, *rest: str) -> int:
    if name in ("--help", "-h"):
        with streams.until_closed():
            print(__doc__)
        return 0
    if name not in COMMANDS:
        print(f"error: there is no command {name!r}; there are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    return _main_of(COMMANDS[name])(rest)


def _main_of(module: str) -> Callable[[Sequence[str]], int]:
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "indextts2_jax.convert":
            raise
        # a checkout that is not installed: there the folder stands beside the package, not in it
        found = importlib.import_module("convert.__main__")
    work: Callable[[Sequence[str]], int] = found.main
    return work


if __name__ == "__main__":
    main()
