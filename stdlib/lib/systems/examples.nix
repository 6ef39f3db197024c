/**
  Platforms that people build for, to be named in `crossSystem`.
*/
{ lib }:
let
  config = config: { inherit config; };
  embedded = config: {
    inherit config;
    libc = "newlib";
  };
in
{
  gnu32 = config "i686-unknown-linux-gnu";
  gnu64 = config "x86_64-unknown-linux-gnu";
  musl32 = config "i686-unknown-linux-musl";
  musl64 = config "x86_64-unknown-linux-musl";

  aarch64-multiplatform = config "aarch64-unknown-linux-gnu";
  aarch64-multiplatform-musl = config "aarch64-unknown-linux-musl";
  aarch64-darwin = config "aarch64-apple-darwin";
  aarch64-freebsd = config "aarch64-unknown-freebsd";
  armv5tel-multiplatform = config "armv5tel-unknown-linux-gnueabi";
  armv7l-hf-multiplatform = config "armv7l-unknown-linux-gnueabihf";
  raspberryPi = config "armv6l-unknown-linux-gnueabihf";
  loongarch64-linux = config "loongarch64-unknown-linux-gnu";
  mips-linux-gnu = config "mips-unknown-linux-gnu";
  mipsel-linux-gnu = config "mipsel-unknown-linux-gnu";
  mips64-linux-gnuabi64 = config "mips64-unknown-linux-gnuabi64";
  mips64el-linux-gnuabi64 = config "mips64el-unknown-linux-gnuabi64";
  powernv = config "powerpc64le-unknown-linux-gnu";
  ppc64 = config "powerpc64-unknown-linux-gnuabielfv2";
  ppc32 = config "powerpc-unknown-linux-gnu";
  riscv32 = config "riscv32-unknown-linux-gnu";
  riscv64 = config "riscv64-unknown-linux-gnu";
  riscv64-musl = config "riscv64-unknown-linux-musl";
  s390x = config "s390x-unknown-linux-gnu";

  aarch64-embedded = embedded "aarch64-none-elf";
  arm-embedded = embedded "arm-none-eabi";
  armhf-embedded = embedded "arm-none-eabihf";
  riscv32-embedded = embedded "riscv32-none-elf";
  riscv64-embedded = embedded "riscv64-none-elf";
  x86_64-embedded = embedded "x86_64-none-elf";
  avr = config "avr";
  mmix = config "mmix-unknown-mmixware";

  mingw32 = {
    config = "i686-w64-mingw32";
    libc = "msvcrt";
  };
  mingwW64 = {
    config = "x86_64-w64-mingw32";
    libc = "msvcrt";
  };
  ucrt64 = {
    config = "x86_64-w64-mingw32";
    libc = "ucrt";
  };

  wasi32 = {
    config = "wasm32-unknown-wasi";
    useLLVM = true;
  };
  ghcjs = config "javascript-unknown-ghcjs";

  x86_64-darwin = config "x86_64-apple-darwin";
  x86_64-freebsd = config "x86_64-unknown-freebsd";
  x86_64-netbsd = config "x86_64-unknown-netbsd";
  x86_64-openbsd = config "x86_64-unknown-openbsd";
}
