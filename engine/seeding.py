"""The noise that belongs to a seed, for every seed of 64 bits.

PyTorch's generator on the CPU is the Mersenne twister mt19937, of which `manual_seed` sets only 32 bits: from 2**32 on
its noise repeats. Seeds below that are left to it, so they give what they give elsewhere. Longer ones fill its state by
`init_by_array`, the twister's own way to take a longer key (Matsumoto and Nishimura 2002, as NumPy's `RandomState` and
Python's `random` do it), with the key (lower 32 bits, upper 32 bits).
"""

import numpy as np
import torch

_WORDS = 2**32  # values of a 32-bit word, and seeds that `manual_seed` tells apart
_STATE = slice(3, 3 + 624)  # the twister's words, 64 bits each, in what `torch.Generator.get_state` gives


def generator_of(seed: int) -> torch.Generator:
    """A generator on the CPU, freshly seeded.

    Args:
        seed: 0 to 2**64 - 1; each gives noise of its own.
    """
    generator = torch.Generator().manual_seed(seed)
    if seed < _WORDS:
        return generator
    twister = np.random.RandomState(np.array([seed % _WORDS, seed // _WORDS], np.uint32))
    state = generator.get_state().numpy().copy()
    state.view(np.uint64)[_STATE] = twister.get_state(legacy=False)["state"]["key"]
    return generator.set_state(torch.from_numpy(state))
