# A project whose shell brings a database and a cache: `firn develop --services` and `firn up` start them.
{
  pkgs ? import ../../.. { },
}:
pkgs.mkShell {
  services.postgres.enable = true;
  services.redis.enable = true;
}
