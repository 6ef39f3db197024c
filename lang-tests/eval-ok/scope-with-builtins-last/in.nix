let map = "mine"; in with { map = "with"; }; map
