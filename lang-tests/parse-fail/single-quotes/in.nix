{ a = 'text'; }
