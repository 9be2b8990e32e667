import keras
import numpy as np
import pytest

from tests.training.networks import WINDOW, sounds
from tfaudiogan.models import build_autoencoder
from tfaudiogan.training.autoencoder import AutoencoderTrainer


def make(rate=1e-2, **options):
    keras.utils.set_random_seed(0)
    trainer = AutoencoderTrainer(
        build_autoencoder(WINDOW, blocks=1, base_filters=8, reduction=2), **options
    )
    trainer.compile(keras.optimizers.Adam(rate))
    return trainer


def test_a_step_makes_two_updates_and_learns_both_sounds():
    trainer = make()
    x, y = sounds(64)
    first = trainer.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    trainer.fit(x, y, batch_size=8, epochs=4, verbose=0)
    assert int(trainer.optimizer.iterations) == 2 * 4 * 8
    assert trainer.evaluate(x, y, verbose=0, return_dict=True)["loss"] < 0.5 * first


def test_input_and_target_sounds_are_passed_separately():
    trainer = make(rate=0.0, frequency_weight=2.0)
    trainer.autoencoder.get_layer("decoder").get_layer("output").bias.assign([0.1])
    x, y = sounds(4)
    logs = trainer.fit(x, y, batch_size=4, verbose=0).history
    outputs = [trainer.autoencoder.predict(s, verbose=0) for s in (x, y)]
    expected = np.mean([np.mean((o - s) ** 2) for o, s in zip(outputs, (x, y), strict=True)])
    np.testing.assert_allclose(logs["time"][0], expected, rtol=1e-4)
    np.testing.assert_allclose(
        logs["loss"][0], logs["time"][0] + 2.0 * logs["frequency"][0], rtol=1e-4
    )


@pytest.mark.slow
def test_the_classifier_head_pushes_the_two_sounds_apart():
    x, y = sounds(128)

    def distance(trainer):
        trainer.fit(x, y, batch_size=16, epochs=6, verbose=0)
        features = [trainer.autoencoder.encoder.predict(s, verbose=0).mean(axis=1) for s in (x, y)]
        spread = np.concatenate([f - f.mean(axis=0) for f in features]).std()
        return np.linalg.norm(features[0].mean(0) - features[1].mean(0)) / spread

    assert distance(make(classifier_weight=1.0)) > 1.5 * distance(make())


@pytest.mark.parametrize("name", ["frequency_weight", "classifier_weight"])
def test_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is -1"):
        make(**{name: -1})
