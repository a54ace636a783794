"""Many lines of a JSONL file to WAV files: `python -m indextts2_jax batch`."""
