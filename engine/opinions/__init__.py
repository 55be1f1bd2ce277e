"""Opinion studies: people say which pictures are better, without knowing who made them."""
