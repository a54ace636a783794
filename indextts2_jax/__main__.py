"""`indextts2 COMMAND …`, or `python -m indextts2_jax COMMAND …`.

    speak     a text and a clip to a file or a pipe
    batch     the lines of a JSONL file to audio files
    voices    clips to voice files
    read      what will be read of a text
    doctor    is everything right?

`indextts2 COMMAND --help` says more.
"""

import importlib
import sys

COMMANDS = {
    "speak": "indextts2_jax.commands.speak",
    "batch": "indextts2_jax.commands.batch.command",
    "voices": "indextts2_jax.commands.voices",
    "read": "indextts2_jax.commands.read_text",
    "doctor": "indextts2_jax.commands.doctor",
}


def main() -> int:
    """Runs the command that the first argument names; returns its exit code."""
    name, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if name in ("--help", "-h"):
        print(__doc__)
        return 0
    if name not in COMMANDS:
        print(f"error: there is no command {name!r}; there are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    code: int = importlib.import_module(COMMANDS[name]).main(rest)
    return code


if __name__ == "__main__":
    sys.exit(main())
