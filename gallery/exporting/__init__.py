"""Pictures taken out of the studio: names for their files, archives, and contact sheets."""
