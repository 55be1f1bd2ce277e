"""GAN: a generator that learns from a discriminator to draw pictures like one's own."""
