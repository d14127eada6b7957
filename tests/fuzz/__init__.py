"""Every parser of this room fed with broken bytes, as long as somebody wants."""
