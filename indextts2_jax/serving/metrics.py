"""What is counted, in Prometheus' words, and how it is measured."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.serving.link import Link

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "indextts2_requests", "HTTP requests", ["method", "path", "status"], registry=self.registry
        )
        self.speeches = Counter("indextts2_speeches", "Speeches by how they ended", ["end"], registry=self.registry)
        self.audio = Counter("indextts2_audio_seconds", "Seconds of speech made", registry=self.registry)
        self.first = Histogram(
            "indextts2_first_audio_seconds", "Request to first samples", buckets=_SECONDS, registry=self.registry
        )
        self.whole = Histogram(
            "indextts2_speech_seconds", "Request to last samples", buckets=_SECONDS, registry=self.registry
        )
        self.running = Gauge("indextts2_running", "Tasks that the model has not ended", registry=self.registry)
        self.restarts = Gauge(
            "indextts2_worker_restarts", "Workers that ended and were replaced", registry=self.registry
        )
        self.compiled = Gauge(
            "indextts2_programs", "Programs that workers compiled or read from the cache", registry=self.registry
        )
        self.ready = Gauge("indextts2_ready", "1 where the model is loaded", registry=self.registry)

    def watch(self, link: Link) -> None:
        """Lets the gauges show what a link is doing whenever they are asked."""
        self.running.set_function(lambda: link.running)
        self.restarts.set_function(lambda: link.restarts)
        self.compiled.set_function(lambda: link.compiled)
        self.ready.set_function(lambda: link.ready)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self.registry)

    def speech(self) -> "SpeechTimes":
        """For one speech, from now."""
        return SpeechTimes(self)


class SpeechTimes:
    """The times of one speech."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics, self._start, self._heard = metrics, time.perf_counter(), False

    def audio(self, samples: int) -> None:
        """So many samples have come."""
        if not self._heard:
            self._heard = True
            self._metrics.first.observe(time.perf_counter() - self._start)
        self._metrics.audio.inc(samples / SAMPLING_RATE)

    def end(self, how: str) -> None:
        """It has ended: "done", or a kind of failure."""
        self._metrics.speeches.labels(how).inc()
        if how == "done":
            self._metrics.whole.observe(time.perf_counter() - self._start)
