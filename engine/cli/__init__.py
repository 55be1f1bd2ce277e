"""The command line: a file for each feature, as the pages have a folder for each."""
