"""What computes a translator's generator: PyTorch, or OpenVINO with the same weights converted."""
