"""What we are compared with: the same rows by the least code there can be, and as a team would write it."""
