"""What features share that compute with OpenVINO in place of PyTorch; `names` imports neither."""
