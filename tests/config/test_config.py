"""Configuration: round trips, and every bad value is an error that names its key."""

import dataclasses

import pytest

from configs import chapters, indextts2, tiny, tiny_2_5
from indextts2_jax.config import (
    Config,
    GptConfig,
    ModelConfig,
    check_fits,
    fitted,
    from_dict,
    replace,
    replace_dotted,
    to_dict,
)
from indextts2_jax.errors import ConfigError
from tests.models import PUBLISHED, SMALL


@pytest.mark.parametrize("model", [PUBLISHED, SMALL])
def test_model_round_trip(model):
    assert from_dict(ModelConfig, to_dict(model)) == model


def test_config_files_are_the_dataclasses():
    assert from_dict(Config, indextts2.get_config().to_dict()) == Config()
    made = from_dict(Config, tiny.get_config().to_dict())
    assert made.model is not None and made.random_seed == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("decode.num_beams", 0),
        ("decode.num_beams", 17),
        ("decode.top_k", -1),
        ("decode.top_p", 0.0),
        ("decode.top_p", 1.5),
        ("decode.top_p", float("nan")),
        ("decode.temperature", 0.0),
        ("decode.temperature", float("inf")),
        ("decode.repetition_penalty", 0.0),
        ("decode.length_penalty", 99.0),
        ("decode.max_mel_tokens", 0),
        ("decode.do_sample", 1),
        ("decode.top_k", 1.5),
        ("decode.top_k", True),
        ("decode.top_p", "high"),
        ("flow.steps", 0),
        ("flow.guidance", -0.1),
        ("flow.temperature", -1.0),
        ("text.max_text_tokens_per_segment", 1),
        ("text.quick_streaming_tokens", -1),
        ("text.max_english_tokens_per_segment", 1),
        ("text.paragraph_pause_ms", -1),
        ("text.english", "careless"),
        ("text.paragraph_pause_ms", 60_001),
        ("duration.factor", 0.49),
        ("duration.factor", 2.01),
        ("duration.factor", float("nan")),
        ("duration.target_seconds", 0.05),
        ("duration.target_seconds", -1.0),
        ("duration.target_seconds", 36_001.0),
        ("redraw.attempts", -1),
        ("redraw.attempts", 11),
        ("redraw.shortest", 1.1),
        ("redraw.longest", 0.9),
        ("polish.max_silence_ms", 49),
        ("polish.loudness_lufs", 3.0),
        ("polish.loudness_lufs", -61.0),
        ("polish.end_fade_ms", 1001),
        ("polish.trim_breath", 1),
        ("interval_silence_ms", -1),
        ("interval_silence_ms", 60_001),
    ],
)
def test_bad_values_name_their_key(key, value):
    section, _, name = key.rpartition(".")
    with pytest.raises(ConfigError, match=name):
        replace(Config(), **({section: {name: value}} if section else {name: value}))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"gpt": {"heads": 3}}, "model.gpt.heads"),
        ({"gpt": {"width": 64}}, "latent_dim|speaker_perceiver.width"),
        ({"gpt": {"stop_mel_token": 64}}, "stop_mel_token"),
        ({"w2v_bert": {"width": 64}}, "hidden_size"),
        ({"bigvgan": {"mel_bins": 100}}, "bigvgan.mel_bins"),
        ({"campplus": {"embedding_size": 8}}, "style_dim"),
    ],
)
def test_networks_that_do_not_fit_together(changes, key):
    model = tiny.get_config().to_dict()["model"]
    for network, values in changes.items():
        model[network].update(values)
    with pytest.raises(ConfigError, match=key):
        from_dict(Config, {"model": model, "random_seed": 0})


@pytest.mark.parametrize("language", ["EN", "es", "Auto"])
def test_languages_in_capitals(language):
    assert replace_dotted(Config(), {"text.language": language}).text.language == language.lower()


@pytest.mark.parametrize(("key", "value"), [("factor", 0.8), ("even_pace", True)])
def test_a_target_says_alone_how_fast(key, value):
    with pytest.raises(ConfigError, match=rf"duration\.{key} and duration\.target_seconds"):
        replace(Config(), duration={key: value, "target_seconds": 3.0})
    assert getattr(replace(Config(), duration={key: value}).duration, key) == value


def test_chapters_give_what_the_reference_lacks_and_nothing_else():
    given = chapters.get_config().to_dict()
    assert set(given) == {"text", "redraw", "polish"}
    made = replace(Config(), **given)
    assert made.text.paragraph_pause_ms and made.redraw.attempts and made.polish.trim_breath


@pytest.mark.parametrize(
    ("key", "value", "most"),
    [
        ("decode.max_mel_tokens", 1816, 1815),
        ("text.max_text_tokens_per_segment", 601, 600),
        ("text.max_english_tokens_per_segment", 601, 600),
    ],
)
def test_limits_are_those_of_the_model(key, value, most):
    config = replace_dotted(Config(), {key: value})  # some model can do it
    with pytest.raises(ConfigError, match=f"{key} is {value}, but it must be at most {most}"):
        check_fits(config, PUBLISHED)
    check_fits(config, dataclasses.replace(PUBLISHED, gpt=GptConfig(max_mel_tokens=3000, max_text_tokens=3000)))
    assert replace_dotted(config, {key: most}) == fitted(config, PUBLISHED)


@pytest.mark.parametrize("key", ["times.words", "redraw.check_alignment", "duration.even_pace"])
def test_where_the_model_is_in_the_text_takes_an_encoder(key):
    model = tiny_2_5.get_config().to_dict()["model"]
    asked = replace_dotted(Config(random_seed=0), {key: True})
    for encoder in (True, False):
        networks = from_dict(ModelConfig, {**model, "semantic_codec": {**model["semantic_codec"], "encoder": encoder}})
        lowered = fitted(asked, networks)
        if encoder:
            check_fits(lowered, networks)
            continue
        with pytest.raises(ConfigError, match=f"{key} .*--with_encoder"):
            check_fits(lowered, networks)
        with pytest.raises(ConfigError, match="--with_encoder"):
            replace(lowered, model=to_dict(networks))
        check_fits(fitted(Config(), networks), networks)


@pytest.mark.parametrize("changes", [{"decode.beams": 1}, {"beams": 1}, {"decode": 1}, {"decode.num_beams.x": 1}])
def test_unknown_names(changes):
    with pytest.raises(ConfigError):
        replace_dotted(Config(), changes)


@pytest.mark.parametrize("data", [{"decod": {}}, {"decode": {"beams": 3}}, {"decode": 3}])
def test_unknown_keys(data):
    with pytest.raises(ConfigError):
        from_dict(Config, data)


def test_replace_leaves_the_rest():
    changed = replace(Config(), decode={"num_beams": 1}, interval_silence_ms=0)
    assert changed.decode.num_beams == 1 and changed.decode.top_k == 30 and changed.interval_silence_ms == 0
