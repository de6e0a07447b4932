"""Takes the money, or says why not."""
