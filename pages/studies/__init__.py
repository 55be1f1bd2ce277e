"""Opinion studies: made and read by the artist, answered by participants through a door of their own."""
