"""The index of what was said in calls."""
