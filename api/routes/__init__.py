"""One file a resource. A route reads as what happens: check, write, ask, answer."""
