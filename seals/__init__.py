"""How bytes become trusted bytes, and how to tell later. Nothing is built here yet; see README.md."""
