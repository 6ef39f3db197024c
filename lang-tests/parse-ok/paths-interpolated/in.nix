x: [ ./${x} ./a/${x}/b /${x} /a${x}b/c ./a${x} ./a/${x}${x}/d.nix ]
