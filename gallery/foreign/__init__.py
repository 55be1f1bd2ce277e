"""Reading the recipes that other tools write into their pictures."""
