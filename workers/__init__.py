"""The processes and the command line; `assembly.py` is the only file that knows every concrete class."""
