"""`python -m lastbeat` is the program `lastbeat`."""

from .program import main

main()
