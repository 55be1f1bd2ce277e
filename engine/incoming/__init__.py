"""Recipes of other tools' pictures, held against the form: what each field would become here, and what cannot."""
