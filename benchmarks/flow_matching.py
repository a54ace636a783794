"""`python -m benchmarks.flow_matching --checkpoint=DIR [--peer=torch]`: 25 Euler steps of the velocity network, guided.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run("flow_matching"))
