"""Many lines of a JSONL file to WAV files: `indextts2 batch`."""
