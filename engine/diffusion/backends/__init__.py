"""What computes the networks of a drawing: PyTorch, or OpenVINO with the same weights converted."""
