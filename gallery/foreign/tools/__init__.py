"""One module for each tool that writes its recipe as flat JSON, or as one text for each value."""
