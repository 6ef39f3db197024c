{ a.b = throw "deep"; }
