# The builder of every package that does not bring its own.
source "$stdenv/setup"
genericBuild
