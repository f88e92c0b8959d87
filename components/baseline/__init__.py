"""Which earlier model a new one is compared with."""
