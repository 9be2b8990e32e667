"""Converted weights give what the paper's code gives, and what does not fit is told."""

import numpy as np
import pytest

from tests import reference_networks as reference
from tests.conversion.torch_files import state_dict, write_before_zip, write_zip
from tfaudiogan.conversion.convert import convert_weights
from tfaudiogan.errors import InputError
from tfaudiogan.inference.load import load_keras
from tfaudiogan.inference.metadata import read_metadata
from tfaudiogan.models import build_discriminator, build_generator

WINDOW = 64


def close(output, expected):
    """Float32 sums of up to some hundred products of order 1, against float64 in another order."""
    assert np.std(expected) > 1e-3
    np.testing.assert_allclose(np.asarray(output), expected, rtol=0, atol=1e-5)


def windows(count=3, window=WINDOW, level=1.0):
    return (level * np.random.default_rng(9).normal(size=(count, window))).astype("f4")


def converted(tmp_path, weights, *arguments, write=write_zip, **options):
    path = tmp_path / "checkpoint.pt"
    write(path, state_dict(weights))
    out = convert_weights(path, tmp_path / "model.keras", *arguments, **options)
    return load_keras(out)


@pytest.mark.parametrize("write", [write_zip, write_before_zip])
def test_the_generator_gives_the_papers_outputs(write, tmp_path):
    weights = reference.drawn_generator(blocks=3, d_max=1)
    model = converted(tmp_path, weights, window=WINDOW, write=write, licence="CC0-1.0")
    x = windows()
    close(model(x[..., None])[..., 0], [reference.generator(one, weights, 3) for one in x])
    metadata = read_metadata(tmp_path / "model.keras")
    assert (metadata.window, metadata.sample_rate) == (WINDOW, 44100)
    assert (metadata.task, metadata.licence) == ("instrument", "CC0-1.0")
    assert metadata.parameters == build_generator(WINDOW, 3, 1, 16, 4).count_params()


def test_the_generator_of_blocks_was_another_network(tmp_path):
    weights = reference.drawn_generator(blocks=2, d_max=0)
    model = converted(tmp_path, weights, window=WINDOW)
    old = build_generator(WINDOW, 2, 0, 16, 4, subpixel="blocked")
    old.set_weights(model.get_weights())
    x = windows()
    close(old(x[..., None])[..., 0], [reference.generator(one, weights, 2, True) for one in x])
    assert np.abs(np.asarray(old(x[..., None])) - np.asarray(model(x[..., None]))).max() > 1e-2


def test_the_autoencoder_gives_the_papers_outputs_and_embedding(tmp_path):
    weights = reference.drawn_autoencoder(blocks=2)
    model = converted(tmp_path, weights, window=WINDOW)
    x = windows()
    outputs, embeddings = zip(*(reference.autoencoder(one, weights, 2) for one in x), strict=True)
    close(model(x[..., None])[..., 0], outputs)
    # Ours lie by time, and the superpixel layer gives even samples first, then odd ones.
    ours = np.asarray(model.encoder(x[..., None])).transpose(0, 2, 1)
    order = np.arange(len(embeddings[0])).reshape(-1, 2).T.ravel()
    close(ours, np.stack(embeddings)[:, order])


@pytest.mark.parametrize(
    ("batch_norm", "level"),
    [(False, 1.0), (False, 0.03), (True, 1.0)],  # a quiet window shows the epsilon
)
def test_the_discriminator_gives_the_papers_scores(batch_norm, level, tmp_path):
    weights = reference.drawn_discriminator(batch_norm=batch_norm)
    model = converted(tmp_path, weights)
    x = windows(level=level)
    expected = np.stack([reference.discriminator(one, weights, 3) for one in x])
    close(model(x[..., None]), expected)


def test_the_discriminators_epsilon_matters():
    weights = reference.drawn_discriminator()
    from tfaudiogan.conversion.paper import build_network

    model = build_network("discriminator", weights)
    other = build_discriminator(WINDOW, 3, 0, 16, 16, 8)
    other.set_weights(model.get_weights())
    x = windows(level=1e-2)[..., None]
    assert np.abs(np.asarray(other(x)) - np.asarray(model(x))).max() > 1e-4


def test_a_network_is_found_in_a_trainers_checkpoint(tmp_path):
    generator, critic = reference.drawn_generator(), reference.drawn_discriminator()
    content = {
        "epoch": 5,
        "generator_state_dict": state_dict(generator),
        "discriminator_state_dict": state_dict(critic),
        "train_losses": {"time_l2": [0.1]},
    }
    path, out = tmp_path / "gan_trainer.tar", tmp_path / "out.keras"
    write_before_zip(path, content)
    with pytest.raises(InputError, match="a generator and a discriminator; choose with --network"):
        convert_weights(path, out)
    with pytest.raises(InputError, match="holds no autoencoder but a generator"):
        convert_weights(path, out, "autoencoder")
    assert not out.exists()
    model = load_keras(convert_weights(path, out, "discriminator"))
    x = windows()
    close(model(x[..., None]), [reference.discriminator(one, critic, 3) for one in x])


def test_an_npz_of_a_state_dict(tmp_path):
    weights = reference.drawn_generator(blocks=1, d_max=0)
    np.savez(tmp_path / "state.npz", **weights)
    model = load_keras(convert_weights(tmp_path / "state.npz", tmp_path / "a.keras", window=WINDOW))
    x = windows(1)
    close(model(x[..., None])[..., 0], [reference.generator(x[0], weights, 1)])


def changed(weights, **changes):
    weights = dict(weights)
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    return weights


ZEROS = np.zeros((3, 3), "f4")
GENERATOR = reference.drawn_generator()
CRITIC = reference.drawn_discriminator()


@pytest.mark.parametrize(
    ("weights", "options", "words"),
    [
        ({"a": ZEROS}, {}, r"no network of the paper's code \(it holds a\)"),
        (changed(GENERATOR, output_conv__bias=None), {}, "missing output_conv.bias"),
        (changed(GENERATOR, up_block_3__activation__weight=None), {}, "missing up_block_3.act"),
        (changed(GENERATOR, down_block_2__conv_layers_2__0__weight=None), {}, "missing down_bl"),
        (changed(GENERATOR, extra__weight=ZEROS), {}, "unknown extra.weight"),
        (changed(GENERATOR, down_block_99999__x=ZEROS), {}, "a block 99999"),
        (
            changed(GENERATOR, down_block_1__activation__weight=ZEROS),
            {},
            r"of other shapes down_block_1.activation.weight \(3, 3\) instead of \(16,\)",
        ),
        (
            changed(GENERATOR, down_block_1__conv_layers__0__weight=ZEROS),
            {},
            "down_block_1 has no bottlenecks",
        ),
        (
            changed(GENERATOR, down_block_1__conv_layers_2__0__weight=np.zeros((6, 1, 5), "f4")),
            {},
            r"kernels of \(5, 9, 27, 81\)",
        ),
        (
            changed(GENERATOR, down_block_1__conv_layers_2__0__weight=np.zeros((8, 1, 3), "f4")),
            {},
            r"branches of \(8, 6, 2, 2\) filters",
        ),
        (
            changed(GENERATOR, down_block_3__conv_layers_2__0__weight=np.zeros((6, 9, 3), "f4")),
            {},
            r"down_block_3 has branches of \(6, 12, 4, 4\)",
        ),
        (
            changed(GENERATOR, down_block_1__conv_layers_2__0__weight=np.zeros((6, 9, 3), "f4")),
            {},
            "fit no reduction",
        ),
        (GENERATOR, {"window": 100}, "multiple of 8"),
        (GENERATOR, {"network": "critic"}, "unknown network 'critic'"),
        (GENERATOR, {"sample_rate": 0}, "0 Hz"),
        (CRITIC, {"window": 128}, "windows of 64 samples, not 128"),
        (
            changed(CRITIC, out_block__fc_1__weight=np.zeros((8, 33), "f4")),
            {},
            "takes 33 values; expected a multiple of 32",
        ),
        (changed(CRITIC, mid_blocks__0__normalization__weight=ZEROS), {}, r"\(3, 3\) instead of"),
    ],
)
def test_what_does_not_fit_is_named(weights, options, words, tmp_path):
    path = tmp_path / "state.npz"
    np.savez(path, **weights)
    with pytest.raises(InputError, match=words) as caught:
        convert_weights(path, tmp_path / "a.keras", **options)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.npz").write_text("no archive")
    np.savez(tmp_path / "objects.npz", a=np.array([{}], object))
    np.savez(tmp_path / "good.npz", **GENERATOR)
    for name, out, words in (
        ("a.npz", "a.keras", "is not an .npz file"),
        ("none.npz", "a.keras", "cannot be read"),
        ("objects.npz", "a.keras", "is not an .npz file"),
        ("none.pt", "a.keras", "cannot be read"),
        ("good.npz", "a.h5", "does not end in .keras"),
    ):
        with pytest.raises(InputError, match=words):
            convert_weights(tmp_path / name, tmp_path / out)
