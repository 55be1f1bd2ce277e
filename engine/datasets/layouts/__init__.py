"""The ways in which folders hold captioned pictures.

listing.py       the files of a folder, and which of them are to be trained on
system_files.py  names of files that belong to an operating system
kohya.py         folders as kohya's tools lay them out
sources.py       where the captions are: tables, text files beside the pictures
tables.py        captions in CSV, JSON lines and JSON; csv_rows.py, the rows of a CSV
"""
