"""`python -m benchmarks.semantic --checkpoint=DIR [--peer=torch]`: w2v-bert, twice as the reference.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run("semantic"))
