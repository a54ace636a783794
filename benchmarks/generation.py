"""`python -m benchmarks.generation --checkpoint=DIR [--peer=torch]`: conditioning and codes.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run("generation"))
