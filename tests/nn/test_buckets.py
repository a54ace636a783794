"""Few shapes, little waste."""

from indextts2_jax.nn.buckets import FINE, bucket_size, prompt_size, regulated_size, size_beside
from indextts2_jax.s2mel.length_regulator import target_length


def test_few_sizes_hold_everything():
    sizes = {bucket_size(n) for n in range(1, 3872)}
    assert len(sizes) <= 12
    assert all(bucket_size(n) >= n for n in range(1, 3872))


def test_waste_is_bounded():
    assert all(bucket_size(n) <= max(64, 2 * n - 1) for n in range(1, 129))
    assert all(bucket_size(n) / n < 1.5 for n in range(129, 3872))


def test_a_sequence_beside_others_fills_a_bucket_with_them():
    for others in (3, 9, 37):
        sizes = [size_beside(n, others) for n in range(1, 600)]
        assert all(size >= n for n, size in enumerate(sizes, start=1))
        assert all(bucket_size(size + others) == size + others for size in sizes)


def test_a_bucket_is_its_own_bucket():
    assert all(bucket_size(bucket_size(n)) == bucket_size(n) for n in range(1, 3872))


def test_prompts_waste_less_than_their_step():
    assert all(n <= prompt_size(n) < n + FINE for n in range(1, 1400))
    assert prompt_size(1291) == 1312


def test_a_semantic_size_holds_all_its_mel_frames():
    """For targets 1.72 a code; for prompts N // 256 mel frames at 22,050 Hz beside half the fbank frames at 16 kHz."""
    for codes in range(1, 1816):
        assert target_length(codes) <= regulated_size(bucket_size(codes))
    for samples in range(11025, 330750, 97):
        fbank = 1 + (-(-320 * samples // 441) - 400) // 160
        assert samples // 256 <= regulated_size(bucket_size(-(-fbank // 2)))
    assert regulated_size(64) == 128 and regulated_size(1024) == 1792
