"""Captions that BLIP writes for pictures of a data set: what can be asked, the model, and the work."""
