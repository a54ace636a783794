"""`python -m benchmarks.vocoder --checkpoint=DIR [--peer=torch]`: BigVGAN.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run("vocoder"))
