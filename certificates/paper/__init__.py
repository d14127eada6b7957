"""What is printed beside a certificate so that the paper can be checked without a network.

The face as CBOR, signed by the issuing unit (COSE_Sign1, SM2 with SM3), written in base45 as one QR
code; and the one page that shows it. No key is touched here: whoever signs comes through a port.
"""
