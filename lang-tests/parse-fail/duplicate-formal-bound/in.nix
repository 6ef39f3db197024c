args@{ a, args }: a
