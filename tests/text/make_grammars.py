"""Makes indextts2_jax/text/grammars of WeTextProcessing. Not a test.

Its wheel brings both grammars of English and the Chinese tagger. The Chinese verbalizer is compiled as the official
program asks for it, because the one in the wheel drops interjections and the retroflex suffix; the Chinese tagger
compiled beside it would equal the wheel's byte for byte. All are optimised as often as the official program does it by
its second start, since where two readings weigh the same the order of states and arcs decides.

A file is an .npz inside .xz, which has a checksum over all of it: of each state how many arcs leave it; of each arc,
state by state, how many states further it leads, the byte it reads, the byte it writes (0: none) and its weight; the
final states, all of weight 0. State 0 is the first.

How it was run, on Linux x86-64, Python 3.11.7, in a minute:

    python3.11 -m venv grammar-venv
    grammar-venv/bin/pip install WeTextProcessing==1.0.4.1 pynini==2.1.6 numpy==2.4.6
    grammar-venv/bin/python -m tests.text.make_grammars --output=indextts2_jax/text/grammars
"""

import argparse
import importlib.metadata
import importlib.util
import io
import lzma
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pynini
from tn.chinese.normalizer import Normalizer

VERSIONS = {"WeTextProcessing": "1.0.4.1", "pynini": "2.1.6"}


def packaged(name: str) -> pynini.Fst:
    """A grammar of the wheel."""
    spec = importlib.util.find_spec("tn")
    return pynini.Fst.read(str(pathlib.Path(spec.origin).with_name(f"{name}.fst"))).optimize()


def compiled_chinese_verbalizer() -> pynini.Fst:
    """That of the official program's options, without the files that it would write."""

    class Verbalizer(Normalizer):
        def build_fst(self, prefix: str, cache_dir: Any, overwrite_cache: bool) -> None:
            self.build_verbalizer()

    return Verbalizer(remove_interjections=False, remove_erhua=False).verbalizer.optimize().optimize()


GRAMMARS: dict[str, Callable[[], pynini.Fst]] = {
    "zh_tagger": lambda: packaged("zh_tn_tagger"),
    "zh_verbalizer": compiled_chinese_verbalizer,
    "en_tagger": lambda: packaged("en_tn_tagger"),
    "en_verbalizer": lambda: packaged("en_tn_verbalizer"),
}


def columns(grammar: pynini.Fst) -> dict[str, np.ndarray]:
    """A grammar as arrays, states and arcs in their order."""
    states = range(grammar.num_states())
    arcs = [
        (arc.nextstate - state, arc.ilabel, arc.olabel, float(arc.weight))
        for state in states
        for arc in grammar.arcs(state)
    ]
    steps, read, written, weights = zip(*arcs, strict=True)
    final = [state for state in states if float(grammar.final(state)) != float("inf")]
    assert grammar.start() == 0 and all(float(grammar.final(state)) == 0 for state in final)
    assert all(0 <= label < 256 for label in (*read, *written))
    return {
        "arcs": np.array([grammar.num_arcs(state) for state in states], np.uint16),
        "step": np.array(steps, np.int32),
        "read": np.array(read, np.uint8),
        "written": np.array(written, np.uint8),
        "weight": np.array(weights, np.float32),
        "final": np.array(final, np.int32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the four files")
    output = parser.parse_args().output
    found = {name: importlib.metadata.version(name) for name in VERSIONS}
    if found != VERSIONS:
        sys.exit(f"found {found}, needs {VERSIONS}")
    for name, build in GRAMMARS.items():
        arrays = columns(build())
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        data = lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME)
        (output / f"{name}.npz.xz").write_bytes(data)
        print(f"{name}: {len(arrays['arcs'])} states, {len(arrays['step'])} arcs, {len(data)} bytes")


if __name__ == "__main__":
    main()
