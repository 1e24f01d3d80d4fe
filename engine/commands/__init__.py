"""One file a command; each turns what was typed into a call and what came back into words."""
