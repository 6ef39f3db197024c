({ version, name }: name) { name = 1; verison = 2; }
