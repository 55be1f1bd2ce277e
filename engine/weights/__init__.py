"""Models and LoRAs: which exist, whether their files are safe, how to get more. Imports no torch."""
