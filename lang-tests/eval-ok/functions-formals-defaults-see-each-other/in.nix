({ a ? b, b ? c, c ? 7 }: [ a b c ]) { }
