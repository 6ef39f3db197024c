({ }: "nothing") { }
