"""Which schema a log file has, so that a change of the feed's columns is seen.

The columns that nobody reads may change at any time, so a schema is known by its bytes.
"""

from __future__ import annotations

import hashlib

from adtech_assets.feed.footer import schema as schema_of

MOST_KNOWN = 16
MOST_BYTES = 2**20
"""Schemas that are kept for comparison, and how long: a feed has one or two of 20 KB."""


class Schemas:
    """Fingerprints of the schemas of files, by their footers."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[bytes, str] = {}

    def fingerprint(self, footer: bytes) -> tuple[str, int]:
        """The same for two files only if names, types and order of all their columns are.

        Returns:
            It, and how many bytes of the footer's beginning hold the schema.
        """
        # The schema begins with the number of its columns, so none is the beginning of another.
        for schema, fingerprint in self._known.items():
            if footer.startswith(schema):
                return fingerprint, len(schema)
        schema = schema_of(footer)
        fingerprint = hashlib.sha256(schema).hexdigest()[:16]
        if len(self._known) < MOST_KNOWN and len(schema) <= MOST_BYTES:
            self._known[schema] = fingerprint
        return fingerprint, len(schema)
