import pytest

from tuning.records import Record
from tuning.settings import Settings

BEST, PAPER, FAILED, STOPPED = 3, 0, 2, 4


@pytest.fixture
def settings():
    return Settings(steps=90)


def curve(*scores, lsd=1.0):
    """Return rounds of ten steps with these SNRs."""
    return [
        {"step": 10 * (n + 1), "score": score, "val_snr": score, "val_lsd": lsd}
        for n, score in enumerate(scores)
    ]


@pytest.fixture
def records():
    """Twelve trials: the first has the paper's values, one failed, one stopped, one is the best."""
    made = []
    for number in range(12):
        values = {
            "frequency": number % 3 != 1,
            "lambda_f": 0.3 * 1.5**number,
            "feature": number % 4 != 0,
            "lambda_ae": 0.01 * 1.4**number,
            "d_max": number % 5,
            "learning_rate": 1e-4 * 1.3**number,
        }
        values = {
            name: value
            for name, value in values.items()
            if not (name == "lambda_f" and not values["frequency"])
            and not (name == "lambda_ae" and not values["feature"])
        }
        top = 0.5 + 0.05 * ((7 * number) % 12)
        made.append(Record(number, values, curve=curve(0.1, top / 2, top), seconds=60.0))
    made[PAPER].origin = "paper"
    made[FAILED].status, made[FAILED].curve = "failed", []
    made[FAILED].reason = "loss is nan at step 7"
    made[BEST].curve = curve(0.4, 2.5, 1.5, lsd=0.75)
    made[STOPPED].status, made[STOPPED].reason = "stopped", "behind the median at step 30"
    return made
