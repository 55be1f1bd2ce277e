"""Measuring sets of pictures: the networks for it, and the distance of any two folders."""
