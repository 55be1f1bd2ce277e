"""The database schema, version by version, and the code that brings a database to the newest."""
