"""Text and a reference clip in, speech out: `indextts2 speak`, from a checkout."""

import sys

from indextts2_jax.__main__ import main
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(main(["speak", *sys.argv[1:]]))
