"""What trainers share: the loop, processes that train together, noise, losses, folders of pictures."""
