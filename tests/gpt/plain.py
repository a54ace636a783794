"""Decoding spelled out in numpy, one request and one list of codes per beam: slow, without arrays that are shared,
padded or masked. What the real decoder must equal."""

import numpy as np

PLACEHOLDER = 1


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def penalise(scores, history, decode, start):
    scores = scores.copy()
    for code in {PLACEHOLDER, start, *history}:
        scores[code] = scores[code] * decode.repetition_penalty if scores[code] < 0 else (
            scores[code] / decode.repetition_penalty
        )  # fmt: skip
    scores[start] = -np.inf
    return scores


def warp(scores, decode, keep):
    """Temperature, top-k, top-p over the whole vocabulary, with a stable sort upwards."""
    scores = scores / decode.temperature
    if decode.top_k:
        kth = np.sort(scores)[-max(decode.top_k, keep)]
        scores = np.where(scores < kth, -np.inf, scores)
    if decode.top_p < 1:
        order = np.argsort(scores, kind="stable")
        dropped = np.cumsum(np.exp(log_softmax(scores[order]))) <= 1 - decode.top_p
        dropped[-keep:] = False
        scores = scores.copy()
        scores[order[dropped]] = -np.inf
    return scores


class Heap:
    def __init__(self, size, length_penalty):
        self.size, self.length_penalty, self.items = size, length_penalty, []

    def worst(self):
        return min(score for score, _ in self.items)

    def add(self, codes, total, length):
        score = total / length**self.length_penalty
        if len(self.items) < self.size or score > self.worst():
            self.items.append((score, codes))
            if len(self.items) > self.size:
                self.items.remove(min(self.items, key=lambda item: item[0]))

    def ended(self, best_total, length):
        return len(self.items) == self.size and self.worst() >= best_total / length**self.length_penalty

    def best(self):
        return sorted(self.items, key=lambda item: item[0])[-1]


def one_beam(next_scores, decode, gumbel, start, stop):
    """`next_scores(list of code lists) -> [n V]`, `gumbel [S WV]` -> codes, whether they stopped."""
    codes = []
    for step in range(decode.max_mel_tokens):
        scores = penalise(next_scores([codes])[0], codes, decode, start)
        if decode.do_sample:
            scores = log_softmax(warp(scores, decode, keep=1)) + gumbel[step]
        code = int(np.argmax(scores))
        if code == stop:
            return codes, True
        codes.append(code)
    return codes, False


def many_beams(next_scores, decode, gumbel, start, stop):
    width = decode.num_beams
    beams, totals = [[] for _ in range(width)], [0.0] + [-1e9] * (width - 1)
    heap = Heap(width, decode.length_penalty)
    for step in range(decode.max_mel_tokens):
        rows = []
        for codes, total, logits in zip(beams, totals, next_scores(beams), strict=True):
            scores = penalise(log_softmax(logits), codes, decode, start)
            rows.append((warp(scores, decode, keep=2) if decode.do_sample else scores) + total)
        joint = np.concatenate(rows)
        vocab = len(rows[0])
        keys = joint
        if decode.do_sample:
            with np.errstate(divide="ignore"):
                keys = np.log(np.exp(log_softmax(joint)).astype(np.float32)) + gumbel[step]
        picks = np.argsort(-keys, kind="stable")[: 2 * width]
        picks = picks[np.argsort(-joint[picks], kind="stable")]
        following = []
        for rank, pick in enumerate(picks):
            beam, code = divmod(int(pick), vocab)
            if code != stop:
                following.append(([*beams[beam], code], joint[pick]))
            elif rank < width:
                heap.add(beams[beam], joint[pick], step + 1)
            if len(following) == width:
                break
        beams, totals = map(list, zip(*following, strict=True))
        if heap.ended(joint[picks].max(), step + 1):
            break
    else:
        for codes, total in zip(beams, totals, strict=True):
            heap.add(codes, total, len(codes))
    _, codes = heap.best()
    return codes, len(codes) < decode.max_mel_tokens


def generate(next_scores, decode, gumbel, start, stop):
    method = one_beam if decode.num_beams == 1 else many_beams
    return method(next_scores, decode, gumbel, start, stop)
