"""A teacher that hums: every symbol lasts four units, and its pitch is its number. No network, no onnxruntime."""

import pathlib

import numpy as np

from indextts2_jax.training.demo.teacher import HOP, RATE, Mixture, Teacher

UNITS = 4
EDGE = 8  # units of silence at both ends


class FakeTeacher(Teacher):
    """`Teacher` without its files."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def speak(self, symbols: str, voices: Mixture, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Tones; pauses (marks) are silent."""
        durations = np.array([EDGE, *[UNITS] * len(symbols), EDGE], np.int32)
        parts = [np.zeros(EDGE * HOP)]
        time = np.arange(UNITS * HOP) / RATE
        for symbol in symbols:
            silent = symbol in ",.?!;:—…“”"
            parts.append(np.zeros_like(time) if silent else 0.4 * np.sin(2 * np.pi * (100 + ord(symbol) % 97) * time))
        parts.append(np.zeros(EDGE * HOP))
        return np.concatenate(parts).astype(np.float32), durations
