"""What the models' side adds to the command line, found through entry points."""
