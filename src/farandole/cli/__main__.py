"""`python -m farandole.cli` is `farandole`."""

from farandole.cli import main

main()
