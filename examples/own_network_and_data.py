"""Train a network of your own, layer by layer, on arrays of your own, as they are and under two symmetry groups.

Run it: python examples/own_network_and_data.py
"""

import tempfile
from pathlib import Path

import numpy as np

from geomsym.config import DataConfig, GradientDescentConfig, RunConfig, StackConfig, TransformConfig
from geomsym.run import run

# 600 images [n, c, h, w] of two classes: a horizontal or a vertical bar, somewhere in noise.
generator = np.random.default_rng(0)
labels = np.arange(600) % 2
images = generator.normal(scale=0.5, size=(600, 3, 8, 8)).astype(np.float32)
for image, label in zip(images, labels, strict=True):
    row, column = generator.integers(5, size=2)
    image[:, row : row + 4 - 3 * (label == 0), column : column + 4 - 3 * (label == 1)] += 1

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "bars.npz"
    np.savez(path, x_train=images[:400], y_train=labels[:400], x_test=images[400:], y_test=labels[400:])
    for group in ("identity", "pixel_rotation", "global_permutation"):
        result = run(
            RunConfig(
                data=DataConfig("arrays", root=str(path)),
                transform=TransformConfig(group),
                architecture=StackConfig(layers=["conv:32:5", "relu", "pool:2", "conv:32", "relu", "global_pool"]),
                inference=GradientDescentConfig(learning_rate_factor=1.0, max_steps=300, eval_every=50),
            )
        )
        metrics = result.fit.metrics
        print(f"{group}: {result.fit.status}, test accuracy {metrics['test_accuracy']:.2f}, {metrics['steps']} steps")
