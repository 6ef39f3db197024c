let greet = { who }: who; in greet { }
