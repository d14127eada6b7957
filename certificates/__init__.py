"""The life of an electronic certificate (电子证照): type, template, face, identifier, issue, status,
copies, presentation. Values and rules over ports; drawings written as OFD and PDF; see README.md.
"""
