"""The texts that a picture file carries, without looking at its pixels."""
