"""What a conversion tells its user, in lines of text."""

from collections.abc import Sequence

from . import known
from .read import Beside
from .write import Summary

_MOST = 20
"""Names in one list; of more the number is told."""


def table(summaries: Sequence[Summary]) -> str:
    """One line a network, then what was left in its files and why."""
    header = ("network", "used", "dropped", "parameters", "bytes", "files")
    counts = [sum(s.dropped.values()) + sum(one.tensors for one in s.beside) for s in summaries]
    rows = [
        (s.network, f"{s.used:,}", f"{dropped:,}", f"{s.parameters:,}", f"{s.bytes:,}", ", ".join(s.files))
        for s, dropped in zip(summaries, counts, strict=True)
    ]
    used, parameters = sum(s.used for s in summaries), sum(s.parameters for s in summaries)
    rows.append(
        ("total", f"{used:,}", f"{sum(counts):,}", f"{parameters:,}", f"{sum(s.bytes for s in summaries):,}", "")
    )
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(5)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(row[c].rjust(widths[c]) for c in range(1, 5)), row[5]]).rstrip()
        for row in (header, *rows)
    ]
    reasons = []
    for s in summaries:
        reasons += [f"{s.network}: {count:,} x {reason}" for reason, count in s.dropped.items()]
        reasons += [f"{s.network}: {_beside(one)}" for one in s.beside[:_MOST]]
        reasons += [f"{s.network}: {len(s.beside) - _MOST:,} others beside the weights"] * (len(s.beside) > _MOST)
    return "\n".join([*lines, *(["Dropped on purpose:", *(f"  {line}" for line in reasons)] if reasons else [])])


def _beside(one: Beside) -> str:
    count = "1 tensor" if one.tensors == 1 else f"{one.tensors:,} tensors"
    what = f"{count}, {one.bytes:,} bytes" if one.tensors else one.kind
    return f"{one.name} ({what}), beside {one.wrapping or 'the weights'}"


def types(summaries: Sequence[Summary]) -> list[str]:
    """A sentence for each network whose numbers are stored as another type than the publisher's."""
    lines = []
    for s in summaries:
        others = {name: count for name, count in s.types.items() if name != s.published_type}
        if others:
            found = " and ".join(f"{count:,} of {s.used:,} tensors in {name}" for name, count in sorted(others.items()))
            effect = "they are rounded" if set(others) == {"float64"} else "what was rounded stays rounded"
            lines.append(f"{s.network}: {found}, where the publisher has {s.published_type}; {effect}.")
    return lines


def zeros(names: Sequence[str]) -> list[str]:
    """A sentence, where tensors hold nothing but zeros."""
    more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
    listed = f"{', '.join(names[:_MOST])}{more}"
    return [f"nothing but zeros, which a trained network rarely has: {listed}."] if names else []


def verdict(found: known.Verdict) -> str:
    """How the files compare with the published ones."""
    lines = [f"WARNING: {line}." for line in found.different]
    if found.different:
        lines.append("Fine-tuned weights may well differ; of others fetch the published ones again (--fetch).")
    if found.unknown:
        lines.append(f"Not compared, as the publisher has other formats: {', '.join(found.unknown)}.")
    if found.same:
        lines.append(f"The published files, by size and SHA-256: {', '.join(found.same)}.")
    return "\n".join(lines)
