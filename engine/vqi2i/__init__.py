"""VQ-I2I trained here: photos drawn in the style of a picture. The study gives its networks and no training."""
