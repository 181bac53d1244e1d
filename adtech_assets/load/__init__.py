"""The daily CSV, the audited table, and the files that are safely loaded."""
