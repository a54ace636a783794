"""The child process of `Reader`: `python -m indextts2_jax.serving.read_texts SETUP`; JSON lines in and out."""

import json
import sys
from typing import Any

from indextts2_jax.config import TextConfig, from_dict
from indextts2_jax.errors import TextError
from indextts2_jax.text.description import describe
from indextts2_jax.text.frontend import TextFrontend, build_frontend
from indextts2_jax.text.reading import read_as
from indextts2_jax.text.tiny import tiny_tokenizer


def answer(frontend: TextFrontend, settings: TextConfig, interval_ms: float, text: str) -> dict[str, Any]:
    """What there is to know of one text, or the error that speaking it would be."""
    try:
        reading = read_as(frontend, text, settings, interval_ms)
        normalized = describe(frontend, text, settings)["normalized"]
    except TextError as error:
        return {"error": str(error)}
    return {
        "normalized": normalized,
        "segments": reading.segments,
        "silences_ms": reading.silences_ms,
        "warnings": reading.warnings,
    }


def main(setup: dict[str, Any]) -> None:
    """Until standard input ends."""
    frontend = build_frontend(setup["frontend"], setup["tokenizer"] or tiny_tokenizer(setup["frontend"]))
    settings = from_dict(TextConfig, setup["text"])
    for line in sys.stdin:
        print(json.dumps(answer(frontend, settings, setup["interval_ms"], json.loads(line))), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
