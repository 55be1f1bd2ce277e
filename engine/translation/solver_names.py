"""The solvers of neural ODEs, by their names in torchdiffeq, for who reads them without torch."""

from typing import Literal, get_args

Method = Literal["euler", "midpoint", "heun3", "rk4", "dopri5"]
SOLVERS: tuple[str, ...] = get_args(Method)
ADAPTIVE = ("dopri5",)
"""Those that choose their own steps."""
