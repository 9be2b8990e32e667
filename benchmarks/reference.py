"""Run the training steps of the paper's own PyTorch implementation from a checkout.

Its modules are imported by path and used unchanged. PyTorch is not a dependency of this package.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tfaudiogan.errors import InputError

WINDOW = 8192
REPOSITORY = "https://github.com/stegmuel/audio-super-resolution"
LAMBDA_ADVERSARIAL, LAMBDA_PENALTY = 1e-4, 10.0


class Reference:
    """The reference's full-size generator and critic with the steps of its WGAN-GP trainer.

    Args:
        folder: the checkout.
        batch: number of windows in the batch, which is drawn once.

    Raises:
        InputError: when PyTorch or the checkout's models are missing.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        networks = reference_networks(folder)
        import torch

        self._torch = torch
        generator, discriminator = networks["generator"], networks["discriminator"]
        self.generator, self.discriminator = generator.train(), discriminator.train()
        self._optimizers = [
            torch.optim.Adam(network.parameters(), lr=1e-3)
            for network in (generator, discriminator)
        ]
        rng = np.random.default_rng(0)
        self._input, self._target = (
            torch.from_numpy(rng.normal(0, 0.1, (batch, 1, WINDOW)).astype("f4")) for _ in range(2)
        )

    def forward(self) -> None:
        """Run the generator on the batch, as at inference."""
        self.generator.eval()
        with self._torch.no_grad():
            self.generator(self._input)
        self.generator.train()

    def forward_backward(self) -> None:
        """Compute the generator's time loss and its gradients."""
        self._optimizers[0].zero_grad()
        self._time_loss(self.generator(self._input)).backward()

    def step(self) -> None:
        """Update the critic with the penalty, then the generator on the same generated windows."""
        generated = self._update_critic()
        self._update_generator(generated)

    def _time_loss(self, generated):
        return self._torch.nn.functional.mse_loss(generated, self._target)

    def _update_critic(self):
        self.discriminator.requires_grad_(True)
        self._optimizers[1].zero_grad()
        generated = self.generator(self._input)
        fixed = generated.detach()
        distance = self.discriminator(fixed).mean() - self.discriminator(self._target).mean()
        distance.item()
        loss = distance + LAMBDA_PENALTY * self._penalty(fixed)
        loss.backward()
        self._optimizers[1].step()
        return generated

    def _penalty(self, generated):
        torch = self._torch
        mix = torch.rand(len(generated), 1, 1)
        place = (mix * self._input + (1 - mix) * generated).requires_grad_(True)
        score = self.discriminator(place).sum()
        (gradient,) = torch.autograd.grad(score, place, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        penalty.item()
        return penalty

    def _update_generator(self, generated) -> None:
        self.discriminator.requires_grad_(False)
        self._optimizers[0].zero_grad()
        adversarial = -self.discriminator(generated).mean()
        loss = self._time_loss(generated) + LAMBDA_ADVERSARIAL * adversarial
        loss.backward()
        self._optimizers[0].step()
        loss.item()


def reference_networks(folder: Path) -> dict[str, Any]:
    """Build the paper's networks with the default arguments of its command line.

    Args:
        folder: the checkout.

    Returns:
        PyTorch modules by the names of ``tfaudiogan.conversion.paper.NETWORKS``.

    Raises:
        InputError: when PyTorch or the checkout's models are missing.
    """
    if find_spec("torch") is None:
        raise InputError(
            "the paper's code needs PyTorch, which is not installed; pip install torch"
        )
    if not (folder / "models" / "generator.py").is_file():
        raise InputError(f"{folder} has no models/generator.py; give a checkout of {REPOSITORY}")
    arguments, path = sys.argv, list(sys.path)
    sys.argv = sys.argv[:1]
    sys.path.insert(0, str(folder.resolve()))
    try:
        from models.autoencoder import AutoEncoder
        from models.discriminator import Discriminator
        from models.generator import Generator
        from utils.constants_parser import get_general_args

        general = get_general_args()
        return {
            "generator": Generator(general),
            "discriminator": Discriminator(general),
            "autoencoder": AutoEncoder(general),
        }
    except ImportError as error:
        raise InputError(f"{folder} cannot be imported ({error})") from error
    finally:
        sys.argv, sys.path = arguments, path
