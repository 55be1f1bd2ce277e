"""VQ-I2I: a picture's content as codes of a codebook, its style as one vector, and a decoder that draws both."""
