"""What beta-VAE and GAN have in common: their pictures, their runs, their exported networks, and exploring these."""
