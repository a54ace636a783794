"""The figures of a run: RUN/metrics.csv, one row a logged step, and RUN/loss.png."""

import csv
import io
import pathlib

from indextts2_jax.errors import TrainingError
from indextts2_jax.runtime.atomic import replaced_file

NAME = "metrics.csv"


class Metrics:
    """Appends rows; a resumed run drops what came after its checkpoint."""

    def __init__(self, run: pathlib.Path, resumed_at: int) -> None:
        self._path, self._plot = run / NAME, run / "loss.png"
        self.rows: list[dict[str, float | str]] = []
        if self._path.exists() and resumed_at:
            with open(self._path, newline="") as file:
                self.rows = [dict(row) for row in csv.DictReader(file) if int(row["step"]) <= resumed_at]
        self._write()

    def add(self, step: int, split: str, values: dict[str, float]) -> None:
        row: dict[str, float | str] = {"step": step, "split": split}
        self.rows.append(row | {name: f"{value:.6g}" for name, value in values.items()})
        self._write()

    def best(self) -> float:
        """The lowest validation loss so far; infinite before the first."""
        return min((float(row["loss"]) for row in self.rows if row["split"] == "valid"), default=float("inf"))

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row)) or ["step", "split", "loss"]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(self.rows)
        try:
            with replaced_file(self._path) as new:
                new.write_text(text.getvalue())
        except OSError as error:
            raise TrainingError(f"Cannot write {self._path}: {error.strerror or error}.") from None

    def plot(self) -> None:
        """Training and validation loss over the steps; nothing where matplotlib is not installed."""
        try:
            import matplotlib
        except ImportError:
            return
        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(7, 4))
        for split in ("train", "valid"):
            rows = [row for row in self.rows if row["split"] == split]
            axes.plot([int(row["step"]) for row in rows], [float(row["loss"]) for row in rows], label=split)
        axes.set(xlabel="step", ylabel="loss", title=self._path.parent.name)
        axes.legend()
        axes.grid(alpha=0.3)
        figure.tight_layout()
        with replaced_file(self._plot) as new:
            figure.savefig(new, dpi=110, format="png")
        pyplot.close(figure)
