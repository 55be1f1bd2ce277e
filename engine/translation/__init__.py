"""Photos to anime scenes: generators, published checkpoints, big photos."""
