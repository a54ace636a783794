"""What the worker does before it says that it is ready."""

from indextts2_jax.serving import worker
from indextts2_jax.serving.messages import Close, Done, Failed, Speak
from tests.tiny import tiny_config


class Quick:
    """Speaks nothing of everything, at once."""

    asked: list[Speak] = []

    def __init__(self, tts, emit, **options):
        self._emit, self._commands = emit, []

    def submit(self, command):
        self._commands.append(command)

    def run(self):
        *speeches, last = self._commands
        assert isinstance(last, Close)
        for speak in speeches:
            self.asked.append(speak)
            failed = speak.number == 0
            self._emit(Failed(0, "request", "No.") if failed else Done(speak.number, 0, 0, 0, 0))


def test_a_warm_up_speaks_whole_and_streamed_and_says_what_it_cannot(caplog):
    order = worker.Order("", tiny_config(), warmup="anna.safetensors")
    worker._warm_up(None, Quick, order)
    assert {speak.request.voice for speak in Quick.asked} == {"anna.safetensors"}
    assert {(speak.request.text, speak.streamed) for speak in Quick.asked} == {
        (text, streamed) for text in worker.WARM_UP_TEXTS for streamed in (False, True)
    }
    assert "could not speak: No." in caplog.text


def test_what_is_compiled_is_told():
    import jax

    said = []
    worker._watch_compilation(said.append)
    jax.jit(lambda x: x * 3 + len(said))(1.5).block_until_ready()
    assert said and set(said) == {worker.Compiled()}
    known = len(said)
    jax.monitoring.record_event_duration_secs("/jax/core/compile/jaxpr_trace_duration", 1.0)
    assert len(said) == known
