"""NijiGAN's training: photos to anime scenes, semi-supervised."""
