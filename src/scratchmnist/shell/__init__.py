"""The commands of `scratchmnist` in a terminal, one file each."""
