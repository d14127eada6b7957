"""How bytes become trusted bytes, and how to tell later. So far the SM2 primitives; see README.md."""
