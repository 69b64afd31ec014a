"""What an inventory costs a month, before it is built."""
