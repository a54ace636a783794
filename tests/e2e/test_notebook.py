"""The example notebook, cell by cell in a kernel of its own."""

import pathlib

import nbformat
from nbclient import NotebookClient

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples" / "speech.ipynb"


def test_every_cell_runs_and_says_what_the_text_says(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs do not belong into the repository"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    told = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            results = [out for out in cell.outputs if out.output_type == "execute_result"]
            told[cell.source] = results[0].data if results else {}
    equal = next(data for source, data in told.items() if source.startswith("again"))
    assert equal["text/plain"] == "True"
    assert sum("text/html" in data and "audio" in data["text/html"] for data in told.values()) == 2
    assert any("image/png" in data for data in told.values())
    chunks = next(data for source, data in told.items() if source.startswith("stream"))["text/plain"]
    assert chunks.count(",") >= 3
    assert {"one.wav", "two.wav", "three.wav", "voice.safetensors"} <= {path.name for path in tmp_path.iterdir()}
