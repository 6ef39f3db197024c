{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "libffi";
  version = "3.4.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/libf/libffi/libffi_3.4.4.orig.tar.gz";
    sha256 = "d66c56ad259a82cf2a9dfc408b32bf5da52371500b84745f7fb8b645712df676";
  };
  doInstallCheck = true;
  installCheckPhase = ''
    cat > try.c <<END
    #include <ffi.h>
    static int product(int a, int b) { return a * b; }
    int main(void) {
      ffi_cif call;
      ffi_type *types[] = { &ffi_type_sint, &ffi_type_sint };
      int a = 6, b = 7;
      void *values[] = { &a, &b };
      ffi_arg result;
      if (ffi_prep_cif(&call, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) != FFI_OK) return 1;
      ffi_call(&call, FFI_FN(product), &result, values);
      return (int)result != 42;
    }
    END
    cc -I$out/include try.c -L$out/lib -lffi -o try
    ./try
  '';
  meta = {
    description = "Calls of functions whose types are known only at run time";
    homepage = "https://sourceware.org/libffi/";
    license = "MIT";
  };
}
