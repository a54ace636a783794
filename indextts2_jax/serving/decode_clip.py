"""The child process that decodes one recording: `python -m indextts2_jax.serving.decode_clip BYTES SECONDS MIN`.

Standard input is the recording; standard output gets its sampling rate and its samples, mono float32. What cannot be
used is one line on standard error and exit code 2.
"""

import contextlib
import struct
import sys

HEADER = struct.Struct("<I")
"""The sampling rate, before the samples."""


def main(address_space: int, seconds: float, min_seconds: float) -> int:
    """Returns the exit code."""
    with contextlib.suppress(ImportError):  # Windows has no such limits; there the time is limited from outside
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from indextts2_jax.audio.clip import read_clip
    from indextts2_jax.errors import AudioError
    from indextts2_jax.runtime import streams

    try:
        clip = read_clip(min_seconds)
    except AudioError as error:
        print(str(error).replace(f"The reference clip {streams.SHOWN!r}", "The recording"), file=sys.stderr)
        return 2
    sys.stdout.buffer.write(HEADER.pack(clip.sampling_rate) + clip.audio.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
