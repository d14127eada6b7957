"""What a certificate looks like: one list of marks in millimetres, written as OFD, as PDF and as PNG."""
