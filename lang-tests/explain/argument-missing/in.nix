let mk = { name, version }: "${name}-${version}"; in mk { name = "x"; }
