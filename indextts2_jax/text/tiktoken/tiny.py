"""A vocabulary for the tiny random model: the 256 bytes and a few merges, so that it needs no download."""

import base64

MERGES = (b"th", b"the", b" the", b"in", b"ing", b" a", b" w", b"er", b"on", b"an", b"re", b"\xe4\xbd", b"\xe4\xbd\xa0")


def tiny_vocabulary() -> bytes:
    """A file of 269 ranks; "!" is the first and a quotation mark the second, as in the published one."""
    first = [ord("!"), ord('"')]
    tokens = [bytes([byte]) for byte in (*first, *(byte for byte in range(256) if byte not in first))]
    lines = [base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate([*tokens, *MERGES])]
    return b"".join(lines)
