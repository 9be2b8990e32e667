"""Compare converted checkpoints with the paper's code: ``python -m benchmarks.weights``.

The paper's own PyTorch modules, from a checkout, get random weights and make an update each.
PyTorch saves them as the code's trainers do, ``convert_weights`` reads the files, and the Keras
models are compared with the modules on the same windows.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.reference import WINDOW, reference_networks
from tfaudiogan.commands.running import run
from tfaudiogan.conversion.convert import convert_weights
from tfaudiogan.inference.load import load_keras

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


def random_network(network, inputs):
    """Make the biases, slopes and normalizations of a module random, and make an update with Adam.

    Returns the outputs of the module for evaluation, and its optimizer.
    """
    import torch

    for parameter in network.parameters():
        if parameter.ndim <= 1:
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    output = network.train()(inputs)
    output = output[0] if isinstance(output, tuple) else output
    output.square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        output = network.eval()(inputs)
    return output[0] if isinstance(output, tuple) else output, optimizer


@app.command(epilog="Example: [b]python -m benchmarks.weights audio-super-resolution[/]")
def main(
    checkout: Annotated[Path, typer.Argument(help="Checkout of the paper's code.")],
    windows: Annotated[int, typer.Option(help="Windows to compare.", min=1)] = 4,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Compare converted networks with the paper's PyTorch modules, from the same weights."""
    networks = reference_networks(checkout)
    import torch

    torch.manual_seed(seed)
    audio = np.random.default_rng(seed).normal(0.0, 0.1, (windows, 1, WINDOW)).astype(np.float32)
    inputs = torch.tensor(audio.tolist())
    print(f"PyTorch {torch.__version__}, {windows} windows of {WINDOW} samples")
    with tempfile.TemporaryDirectory() as folder:
        for name, network in networks.items():
            output, optimizer = random_network(network, inputs)
            saved = Path(folder) / f"{name}.tar"
            state, other = network.state_dict(), optimizer.state_dict()
            torch.save({f"{name}_state_dict": state, "optimizer_state_dict": other}, saved)
            model = load_keras(convert_weights(saved, saved.with_suffix(".keras")))
            found = np.asarray(model(audio.transpose(0, 2, 1)))
            expected = np.reshape(output.tolist(), found.shape)
            error, largest = np.abs(found - expected).max(), np.abs(expected).max()
            print(f"{name:13s} {model.count_params():9,} parameters, largest difference ", end="")
            print(f"{error:.1e} of outputs up to {largest:.2g}")


if __name__ == "__main__":
    run(app, "benchmarks.weights")
