"""`indextts2 warmup [--checkpoint=DIR] [--speaker=voice.wav …]`: the first start is paid once.

Everything that speech in these voices needs is compiled for every size that it may have, and kept on the disk: later
processes on this machine read it in seconds. On a GPU what XLA found out by trying (tile sizes, algorithms) is kept
there too. Run it again after another JAX, another device, or other settings of --config; what is there is not made
again.
"""

import sys
from collections.abc import Sequence

from absl import flags

from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import settings
from indextts2_jax.errors import ConfigError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.cache import use_compilation_cache
from indextts2_jax.synthesis.request import Request, check_request


def _define(own: command_line.Flags, command: list[str]) -> None:
    settings.define(own, command)
    flags.DEFINE_multi_string(
        "speaker", None, "Clip or voice file that will be used; may be given again. By default the bundled clip.",
        flag_values=own,
    )  # fmt: skip
    flags.DEFINE_float(
        "longest_seconds", 20.0, "Of a segment of speech.", lower_bound=0.5, upper_bound=60.0, flag_values=own
    )
    flags.DEFINE_integer("at_once", 1, "The largest batch of segments.", lower_bound=1, upper_bound=64, flag_values=own)
    flags.DEFINE_string(
        "compilation_cache",
        None,
        "Folder for what is compiled. By default in the user's cache folder.",
        flag_values=own,
    )


def work(own: command_line.Flags) -> None:
    """Compiles, and tells of every step."""
    speakers = own.speaker or [str(bundled.voice_clip())]
    if own.compilation_cache == "":
        raise ConfigError("--compilation_cache is empty, so nothing would be kept: name a folder, or leave it out.")
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("warmup needs --checkpoint: random weights are not spoken twice.")
    requests = [check_request(Request("One sentence.", speaker), chosen.config, chosen.model) for speaker in speakers]
    use_compilation_cache(own.compilation_cache)
    from indextts2_jax import IndexTTS2
    from indextts2_jax.synthesis.warmup import Warmed, warm_up

    def tell(warmed: Warmed) -> None:
        print(f"{warmed.done:4}/{warmed.of} {warmed.seconds:6.1f} s  {warmed.name}", file=sys.stderr, flush=True)
        taken.append(warmed.seconds)

    taken: list[float] = []
    tts = IndexTTS2.from_pretrained(chosen.checkpoint, config=chosen.config)
    warm_up(
        tts,
        [request.voice for request in requests],
        longest_seconds=own.longest_seconds,
        at_once=own.at_once,
        progress=tell,
    )
    print(f"{len(taken)} steps in {sum(taken):.0f} s: all that is up to {own.longest_seconds:g} s long is compiled.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
