"""The life of an electronic certificate (电子证照): type, face, identifier, issue, status, copies,
presentation. Pure values and rules over ports; see README.md.
"""
