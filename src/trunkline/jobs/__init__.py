"""What a server does in the background."""
