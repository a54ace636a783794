"""Text and a reference clip in, speech out: `indextts2 speak`, from a checkout."""

import sys

from indextts2_jax.commands.speak import main

if __name__ == "__main__":
    sys.exit(main())
