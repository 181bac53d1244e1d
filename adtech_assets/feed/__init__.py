"""Log files: their names, layout and reader, the ledger, the landing folder and quarantine."""
