"""beta-VAE: a small autoencoder whose latent numbers each come to stand for something in the pictures."""
