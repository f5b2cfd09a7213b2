"""`python -m trunkline` is the command line."""

from trunkline.cli import main

main()
