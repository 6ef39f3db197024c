# Redis for a project: it listens on this machine alone and keeps its data in the service's directory.
{ lib, pkgs }:
{
  services.redis = {
    package = lib.mkDefault pkgs.redis;
    port = lib.mkDefault 6379;
    start = ''
      exec redis-server --bind 127.0.0.1 --port @port@ --dir "@state@"
    '';
    ready = "redis-cli -p @port@ ping | grep -q PONG";
    variables.REDIS_URL = "redis://127.0.0.1:@port@";
  };
}
