import keras
import numpy as np
import pytest

from tfaudiogan.training.optimizer import AveragingAdam


@pytest.mark.parametrize("momentum", [0.3, 0.999])
def test_the_average_forgets_the_beginning_of_a_short_run(momentum):
    variable = keras.Variable(np.zeros(3, "float32"))
    optimizer = AveragingAdam(0.1, use_ema=True, ema_momentum=momentum)
    optimizer.build([variable])
    expected = np.zeros(3)
    for step in range(6):
        optimizer.apply([keras.ops.convert_to_tensor(np.array([1.0, -1.0, 0.5], "float32"))])
        kept = min(momentum, step / (step + 9))
        expected = kept * expected + (1 - kept) * np.array(variable)
    last = np.array(variable)
    optimizer.put_average([variable])
    # float32; weights of order 0.6
    np.testing.assert_allclose(variable, expected, atol=1e-6)
    assert np.abs(np.array(variable) - last).max() > 0.01
