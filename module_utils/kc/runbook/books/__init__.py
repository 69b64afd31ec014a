"""The runbooks, one a file: a `BOOK`, and what each of its steps does on AWS."""
