"""What a training run is on disk: plan, progress, checkpoints, versions; no torch."""
