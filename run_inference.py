"""Text and a reference clip in, speech out: `indextts2 speak`, from a checkout."""

from indextts2_jax.runtime.process import leave, tidily


def main() -> int:
    """Returns the exit code."""
    from indextts2_jax.commands import speak  # takes a second, in which a signal may come

    return speak.main()


if __name__ == "__main__":
    leave(tidily(main))
