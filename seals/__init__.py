"""How bytes become trusted bytes, and how to tell later: keys, X.509, chains; see README.md."""
