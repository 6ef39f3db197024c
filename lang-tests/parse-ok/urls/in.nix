[ https://example.org/a?b=c&d=~e mailto:someone x:y git+ssh://h/p ]
