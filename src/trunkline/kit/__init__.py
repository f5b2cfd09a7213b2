"""What dialects are made of: pure parts that know no vendor, do no I/O and read no clock."""
