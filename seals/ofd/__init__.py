"""Sealed OFD documents (GB/T 33190): read, sealed, inspected and judged. See ../README.md."""
