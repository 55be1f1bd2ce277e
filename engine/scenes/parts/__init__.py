"""What stands in a scene: sky, land, water, plants, buildings, weather."""
