[ https://example.org/a?b=c ftp:x.y mailto:a@b.c ]
