{ stdenv, fetchurl, bash, curl, expat, openssl, pcre2, zlib }:

stdenv.mkDerivation {
  pname = "git";
  version = "2.39.5";
  src = fetchurl {
    url = "mirror://debian/pool/main/g/git/git_2.39.5.orig.tar.xz";
    sha256 = "c58da92c378df4a986ca33266897a7397e86c22ee266a284d8c2432c39066b59";
  };
  buildInputs = [ curl expat openssl pcre2 zlib ];
  # Without the parts in Perl, Python and Tcl: mail, Subversion, the pictures of history.
  makeFlags = [
    "prefix=$(out)"
    "sysconfdir=/etc"
    "gitexecdir=$(out)/libexec/git-core"
    "SHELL_PATH=${bash}/bin/bash"
    "DEFAULT_PAGER=less"
    "USE_LIBPCRE2=1"
    "NO_GETTEXT=1"
    "NO_INSTALL_HARDLINKS=1"
    "NO_PERL=1"
    "NO_PYTHON=1"
    "NO_TCLTK=1"
  ];
  dontConfigure = true;
  postInstall = ''
    mkdir -p $out/share/bash-completion/completions $out/share/zsh/site-functions
    cp contrib/completion/git-completion.bash $out/share/bash-completion/completions/git
    cp contrib/completion/git-completion.zsh $out/share/zsh/site-functions/_git
  '';
  doInstallCheck = true;
  installCheckPhase = ''
    export HOME=$TMPDIR PATH=$out/bin:$PATH
    git config --global user.name Someone
    git config --global user.email someone@example.org
    git init -q -b main one
    echo 42 > one/answer
    git -C one add answer
    git -C one commit -q -m "Answer"
    git clone -q file://$PWD/one two
    [ "$(cat two/answer)" = 42 ]
    [ "$(git -C two log --format=%s --perl-regexp --grep='^An\w+$')" = Answer ]
    # Without arguments it says how it is used, and fails.
    git remote-https > usage 2>&1 || true
    grep -q usage usage
  '';
  meta = {
    description = "Keeps the history of files";
    homepage = "https://git-scm.com/";
    license = "GPL-2.0-only";
    mainProgram = "git";
  };
}
