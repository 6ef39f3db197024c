[ (dirOf "/a/b/c") (dirOf "a") (dirOf "/a") (dirOf /a/b) (baseNameOf "/a/b/") (baseNameOf "") (dirOf "a/b") ]
