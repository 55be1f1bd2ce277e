"""Numbers about pictures: distances between sets, what a picture shows, and the small model's check."""
