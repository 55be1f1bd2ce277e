"""A damaged or lost database put right: what is wrong with it, snapshots, and rows made of the picture files."""
