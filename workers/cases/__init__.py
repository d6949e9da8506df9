"""Cases on the command line: terms in, figures out, in the shapes in which others published theirs."""
