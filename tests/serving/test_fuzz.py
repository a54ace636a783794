"""A short run of benchmarks/serving_fuzz.py: whatever is sent, nothing is a fault of ours and the worker goes on."""

import urllib.parse

import pytest

from benchmarks.serving_fuzz import Target, fault_of, fuzz
from benchmarks.serving_process import Address
from tests.serving.conftest import KEY, Live


@pytest.mark.slow  # minutes: what is spoiled may wait for the rest of a body
def test_whatever_is_sent(live: Live, client):
    parts = urllib.parse.urlsplit(live.url)
    worker = live.worker()
    found = fuzz(Target(Address(parts.hostname, parts.port), KEY, 60.0), 300, seed=7, clients=2)
    assert not found.faults
    assert sum(found.answers.values()) == 300 and len(found.answers) > 10
    assert live.worker() == worker
    assert client.post("/v1/audio/speech", json={"input": "Hello."}).status_code == 200


def test_what_counts_as_a_fault():
    def answer(status: int, body: bytes, kind: bytes = b"application/json") -> bytes:
        return b"HTTP/1.1 %d X\r\ncontent-type: %s\r\n\r\n%s" % (status, kind, body)

    error = b'{"error": {"message": "m", "type": "t", "param": null, "code": null}}'
    assert fault_of(answer(400, error)) is None and fault_of(answer(503, error)) is None
    assert fault_of(answer(200, b"")) is None and fault_of(answer(404, b"")) is None
    assert fault_of(answer(500, error)) and fault_of(answer(400, b'{"detail": []}')) and fault_of(b"SSH-2.0")
