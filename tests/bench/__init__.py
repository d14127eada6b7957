"""`make bench`: speed as ratios in one run, with memory and how cost grows."""
