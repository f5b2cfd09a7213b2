"""The search index of transcripts."""
