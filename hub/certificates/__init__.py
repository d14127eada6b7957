"""The hub's part in certificates: who may have one issued or changed, from what, and its commands.

Rules are in the room `certificates`; here are only the database, the seals, the callers and the words.
"""
