"""ONE function for each act of a person, whatever the door: JSON, page, file, partner topic or SMS.

Each takes the caller's transaction, an `Act` and what was said; it checks rights and data, writes what ingest keeps,
and records the event in the same transaction. It raises `Refused` with every problem at once, and then nothing is
written. It never decides what the matcher decides.
"""
