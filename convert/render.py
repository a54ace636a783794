"""Renders a chat template in a process of its own: `convert.emotion_text` starts this file and reads what it prints.

A template is a program. Jinja's sandbox keeps it from the machine but not from running for ever or filling the memory,
in one multiplication if need be; so it has a process, seconds and memory of its own, and ends with them.

Standard input: {"template", "names": {variable: value}, "conversations": [messages, …]} as JSON.
Standard output: {"rendered": [text, …]}, or {"error": why}.
"""

import contextlib
import json
import math
import os
import sys
import threading
import time
from typing import Any

SECONDS = 1.0  # of computing, however long that takes on a busy machine; the published template needs a hundredth
MEMORY = 1 << 30  # bytes, of addresses
LONGEST = 1 << 18  # characters of a rendered conversation

TOO_LONG = 3
"""The exit code when the time is over."""

BEYOND = "it takes more time or memory than a template may"


def main() -> None:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    asked = json.load(sys.stdin)
    _limit()
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    try:
        template = environment.from_string(asked["template"])
        rendered = [_render(template, asked["names"], messages) for messages in asked["conversations"]]
        answer: dict[str, Any] = {"rendered": rendered}
    except (MemoryError, RecursionError):
        answer = {"error": BEYOND}
    except Exception as error:  # a template may raise whatever Python can
        answer = {"error": (str(error).splitlines() or [type(error).__name__])[0][:200]}
    print(json.dumps(answer))


def _render(template: Any, names: dict[str, Any], messages: list[dict[str, str]]) -> str:
    options = {"tools": None, "documents": None, "add_generation_prompt": True, "enable_thinking": False}
    text = ""
    for piece in template.generate(**names, **options, messages=messages):
        text += piece
        if len(text) > LONGEST:
            raise MemoryError
    return text


def _limit() -> None:
    """Ends the process when its time is over; its memory is bounded where the system can."""
    threading.Thread(target=_watch, args=(time.process_time() + SECONDS,), daemon=True).start()
    try:
        import resource
    except ImportError:  # Windows; the parent waits for a bounded time
        return
    seconds = math.ceil(time.process_time() + SECONDS)  # for what does not let the thread have its turn
    for limit, value in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY or hard > value:
            with contextlib.suppress(ValueError, OSError):  # macOS takes no limit of addresses
                resource.setrlimit(limit, (value, value))


def _watch(end: float) -> None:
    while time.process_time() < end:
        time.sleep(0.05)
    os._exit(TOO_LONG)


if __name__ == "__main__":
    main()
