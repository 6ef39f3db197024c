(derivation { name = throw "no"; system = "s"; builder = "b"; }).type
