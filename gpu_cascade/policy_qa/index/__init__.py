"""The passages of a folder in one SQLite file: kept up to date, and read by who may see them."""
