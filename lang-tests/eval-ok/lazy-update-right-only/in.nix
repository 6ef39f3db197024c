({ a = throw "no"; } // { a = 1; }).a
