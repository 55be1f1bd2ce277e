"""Train: LoRAs, and networks to explore, from one's own pictures."""
