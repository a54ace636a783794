"""The velocity network as plain loops over one unpadded row, numpy float64: what the scanned module must equal."""

import numpy as np


def _dense(p, x):
    return x @ p["kernel"] + p.get("bias", 0.0)


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, None)))


def _silu(x):
    return x * _sigmoid(x)


def _rms(p, x, pair):
    weight, bias = np.split(pair, 2)
    return weight * (x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-5) * p["scale"]) + bias


def _at(tree, index):
    """One entry of stacked parameters."""
    return {k: _at(v, index) for k, v in tree.items()} if isinstance(tree, dict) else tree[index]


def _wide(tree):
    return {k: _wide(v) for k, v in tree.items()} if isinstance(tree, dict) else np.asarray(tree, np.float64)


def _embed(p, t, features):
    frequency = 10000.0 ** -(np.arange(features // 2) / (features // 2))
    angle = 1000 * t * frequency
    return _dense(p["out"], _silu(_dense(p["hidden"], np.concatenate([np.cos(angle), np.sin(angle)]))))


def _attention(p, x, heads):
    frames, width = x.shape
    half = width // heads // 2
    angle = np.arange(frames)[:, None] * 10000.0 ** -(np.arange(half) / half)
    query, key, value = (part.reshape(frames, heads, -1) for part in np.split(_dense(p["qkv"], x), 3, axis=-1))
    # a pair of channels is one complex number, and the position turns it
    turn = np.exp(1j * angle)[:, None]
    query, key = ((part[..., ::2] + 1j * part[..., 1::2]) * turn for part in (query, key))
    scores = np.einsum("thk,shk->hts", query, key.conj()).real / np.sqrt(width // heads)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = np.einsum("hts,shk->thk", weights / weights.sum(-1, keepdims=True), value)
    return _dense(p["out"], mixed.reshape(frames, width))


def block(p, x, skip, attention_pair, ffn_pair, heads):
    if skip is not None:
        x = _dense(p["skip"], np.concatenate([x, skip], axis=-1))
    x = x + _attention(p, _rms(p["attention_norm"], x, attention_pair), heads)
    h = _rms(p["ffn_norm"], x, ffn_pair)
    return x + _dense(p["down"], _silu(_dense(p["gate"], h)) * _dense(p["up"], h))


def wavenet(p, x, gates):
    """gates [layers, 2 D]: what is added before every gate."""
    layers, width = gates.shape[0], x.shape[1]
    out = np.zeros_like(x)
    for layer in range(layers):
        last = layer == layers - 1
        leaf = p["last"] if last else _at(p["layers"], layer)
        padded = np.pad(x, ((2, 2), (0, 0)), mode="reflect")
        h = (
            sum(padded[k : k + len(x)] @ leaf["conv"]["kernel"][k] for k in range(5))
            + leaf["conv"]["bias"]
            + gates[layer]
        )
        acts = _dense(leaf["out"], np.tanh(h[:, :width]) * _sigmoid(h[:, width:]))
        if not last:
            x, acts = x + acts[:, :width], acts[:, width:]
        out = out + acts
    return out


def velocity(params, config, x, prompt, t, style, mu):
    """x, prompt [M C], t a number, style [style], mu [M D] -> [M C]."""
    p = _wide(params)
    x, prompt, style, mu = (np.asarray(a, np.float64) for a in (x, prompt, style, mu))
    time = p["time"]
    t1 = _embed(time["embed"], t, config.time_features)
    t2 = _embed(time["wavenet_embed"], t, config.time_features)

    merged = [x, prompt, _dense(p["cond_proj"], mu), np.repeat(style[None], len(x), axis=0)]
    h = _dense(p["merge"], np.concatenate(merged, axis=-1))
    half, stack = config.depth // 2, []
    for layer in range(config.depth):
        leaf = (
            p["middle"] if layer == half else _at(p["down"], layer) if layer < half else _at(p["up"], layer - half - 1)
        )
        pairs = (_dense(_at(time[kind], layer), t1) for kind in ("attention", "ffn"))
        h = block(leaf, h, stack.pop() if layer > half else None, *pairs, config.heads)
        if layer < half:
            stack.append(h)
    h = _rms(p["norm"], h, _dense(time["norm"], t1))
    h = _dense(p["skip_merge"], np.concatenate([h, x], axis=-1))

    gates = _dense(time["wavenet"], t2).reshape(config.wavenet_layers, -1)
    w = wavenet(p["wavenet"], _dense(p["wavenet_in"], h), gates) + _dense(p["residual"], h)
    shift, scale = np.split(_dense(time["final"], _silu(t1)), 2)
    w = (w - w.mean(-1, keepdims=True)) / np.sqrt(w.var(-1, keepdims=True) + 1e-6) * (1 + scale) + shift
    return _dense(p["out"], _dense(p["final"], w))
