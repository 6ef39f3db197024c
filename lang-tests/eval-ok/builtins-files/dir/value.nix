{ }: "value"
