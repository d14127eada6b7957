"""The hub's commands around seals: their life in the register (`mianti seals …`), and sealing
(`mianti seal`). Rules are in the room `seals`; here are only the database, the files and the words.
"""
