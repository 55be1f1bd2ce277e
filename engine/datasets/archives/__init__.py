"""What an archive says and does not say: the encoding of its names, and what is told about it later."""
