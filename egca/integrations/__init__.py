"""egca inside other people's trainers: one module or package for each, imported by who uses it.

An adapter turns what its trainer samples into what egca/training and egca/credit take, and their
credit into what the trainer's loss takes. Importing this room imports no trainer."""
