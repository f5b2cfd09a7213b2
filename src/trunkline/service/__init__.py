"""What the product does: no HTTP, no SQL text, no vendor names."""
