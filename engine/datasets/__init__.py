"""Captioned pictures that artists bring: read in any common layout, checked, captioned, split, cropped.

    unpacking.py     a ZIP into a folder, with limits, by the help of archives/
    uploads.py       files that came through a browser, loose or as a ZIP
    reading.py       a folder into captioned pictures and a report on everything in it, by the help of
                     layouts/, index.py and report.py
    texts.py         texts of any encoding; encodings.py tells old code pages apart
    findings.py      one thing to know about a data set
    pictures.py      one picture: opened with care, upright, and its facts
    fingerprints.py  which pictures look alike
    doctor.py        what speaks against training on them; buckets.py, their shapes
    captions.py      keyword rules, trigger word, captions.csv
    split.py         what is trained on and what is held out
    augment.py       the pixels that the model sees

Importing any of them loads no torch; `augment.prepare` loads it when it is called. Automatic captions: `captioning/`.
"""
