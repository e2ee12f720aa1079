"""The metric, its volume element and its curvature, of a representation inside your own torch module.

Run it: python examples/geometry_of_own_module.py
"""

import torch
from torch import nn

from geomsym.geometry import feature_map, log_volume, metric, scalar_curvature

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))

# Two classes: inside and outside of the unit circle.
x = 4 * torch.rand(500, 2) - 2
y = (x.norm(dim=1) > 1).long()


def report(when: str) -> None:
    """Measure what enters the readout, the output of the submodule «3», along the first axis."""
    phi = feature_map(network, (2,), layer="3")
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    volumes = ", ".join(f"{value:+.2f}" for value in log_volume(phi, points))
    print(f"{when}: log √det g at the centre, on the boundary, outside: {volumes}")
    (across, _), (_, along) = metric(phi, points)[1].tolist()  # the boundary runs along the second axis there
    print(f"  g on the boundary: across it {across:.2g}, along it {along:.2g}")
    print(f"  scalar curvature there: {scalar_curvature(phi, points)[1]:+.2f}")


report("untrained")
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(300):
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(x), y).backward()
    optimizer.step()
report("trained")
