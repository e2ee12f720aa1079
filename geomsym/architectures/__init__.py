"""Network architectures: layer specs, their finite reading as torch modules, and the model zoo."""

from geomsym.architectures.build import build
from geomsym.architectures.zoo import ARCHITECTURES, architecture_specs, specs

__all__ = ["ARCHITECTURES", "architecture_specs", "build", "specs"]
