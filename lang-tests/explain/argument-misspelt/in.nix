let mk = { name, version ? 1 }: name; in mk { name = "x"; verison = 2; }
