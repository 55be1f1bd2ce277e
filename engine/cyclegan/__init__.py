"""CycleGAN trained here: two translators, there and back, from two folders of unpaired pictures."""
