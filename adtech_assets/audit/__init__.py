"""What is known of the whole: row counts that must be equal, where files are, what stands."""
