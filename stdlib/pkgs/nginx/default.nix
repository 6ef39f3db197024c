{ stdenv, fetchurl, openssl, pcre2, zlib }:

stdenv.mkDerivation {
  pname = "nginx";
  version = "1.22.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/n/nginx/nginx_1.22.1.orig.tar.gz";
    sha256 = "9ebb333a9e82b952acd3e2b4aeb1d4ff6406f72491bab6cd9fe69f0dea737f31";
  };
  buildInputs = [ openssl pcre2 zlib ];
  configureFlags = [
    "--with-http_ssl_module"
    "--with-http_v2_module"
    "--with-http_gzip_static_module"
    "--with-http_realip_module"
    "--with-http_stub_status_module"
    "--with-stream"
    "--with-stream_ssl_module"
    "--with-threads"
    "--with-file-aio"
    "--http-log-path=/var/log/nginx/access.log"
    "--error-log-path=/var/log/nginx/error.log"
    "--pid-path=/run/nginx/nginx.pid"
    "--lock-path=/run/nginx/nginx.lock"
    "--http-client-body-temp-path=/var/cache/nginx/body"
    "--http-proxy-temp-path=/var/cache/nginx/proxy"
    "--http-fastcgi-temp-path=/var/cache/nginx/fastcgi"
    "--http-uwsgi-temp-path=/var/cache/nginx/uwsgi"
    "--http-scgi-temp-path=/var/cache/nginx/scgi"
    "--sbin-path=bin/nginx"
  ];
  dontAddDisableDepTrack = true;
  # What is installed belongs to the package; logs and state do not.
  postPatch = "sed -i '/NGX_.*LOG_PATH\\|NGX_PID_PATH/s@mkdir -p@true@' auto/install";
  doInstallCheck = true;
  installCheckPhase = "$out/bin/nginx -v 2> version && grep -q 1.22.1 version";
  meta = {
    description = "A server of HTTP, and a proxy";
    homepage = "https://nginx.org/";
    license = "BSD-2-Clause";
    mainProgram = "nginx";
  };
}
