"""`python -m benchmarks.end_to_end --checkpoint=DIR [--peer=torch]`: every stage and the whole, timed.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run())
