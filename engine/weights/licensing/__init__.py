"""Licences of weights: what they allow, and which were accepted."""
