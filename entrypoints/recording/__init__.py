"""What exchanges send, written down as it comes."""
