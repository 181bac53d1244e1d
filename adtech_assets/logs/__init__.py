"""Log files: their names, contract and reader, the ledger, the landing folder and the archive."""
