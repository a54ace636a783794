"""`python -m benchmarks.second_pass --checkpoint=DIR [--peer=torch]`: the latents of finished codes.

The flags are those of `comparison.py`.
"""

import sys

from benchmarks import comparison

if __name__ == "__main__":
    sys.exit(comparison.run("second_pass"))
