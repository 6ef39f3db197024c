import ./nothing-here
