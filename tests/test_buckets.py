"""Few shapes, little waste."""

from indextts2_jax.buckets import bucket_size


def test_few_sizes_hold_everything():
    sizes = {bucket_size(n) for n in range(1, 3872)}
    assert len(sizes) <= 12
    assert all(bucket_size(n) >= n for n in range(1, 3872))


def test_waste_is_bounded():
    assert all(bucket_size(n) <= max(64, 2 * n - 1) for n in range(1, 129))
    assert all(bucket_size(n) / n < 1.5 for n in range(129, 3872))


def test_a_bucket_is_its_own_bucket():
    assert all(bucket_size(bucket_size(n)) == bucket_size(n) for n in range(1, 3872))
