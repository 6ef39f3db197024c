{ a, args }@args: a
