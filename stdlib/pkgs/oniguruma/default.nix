{ stdenv, fetchurl, autoreconfHook }:

stdenv.mkDerivation {
  pname = "oniguruma";
  version = "6.9.8";
  src = fetchurl {
    url = "mirror://debian/pool/main/libo/libonig/libonig_6.9.8.orig.tar.gz";
    sha256 = "26372720bab6733c869a9eb69377f73971138dc5e3eff4a81f5ba8aea5435fb2";
  };
  nativeBuildInputs = [ autoreconfHook ];
  postInstall = "rm -r $out/bin";
  doInstallCheck = true;
  installCheckPhase = ''
    cat > try.c <<END
    #include <oniguruma.h>
    int main(void) {
      const UChar pattern[] = "b+", text[] = "aabbb";
      regex_t *regex;
      if (onig_new(&regex, pattern, pattern + 2, ONIG_OPTION_DEFAULT, ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, 0) != ONIG_NORMAL) return 1;
      return onig_search(regex, text, text + 5, text, text + 5, 0, ONIG_OPTION_NONE) != 2;
    }
    END
    cc -I$out/include try.c -L$out/lib -lonig -o try
    ./try
  '';
  meta = {
    description = "Regular expressions in many encodings and dialects";
    homepage = "https://github.com/kkos/oniguruma";
    license = "BSD-2-Clause";
  };
}
