# Sourced by builds that name this among their inputs.
preConfigurePhases="${preConfigurePhases-} autoreconfPhase"

autoreconfPhase() {
  runHook preAutoreconf
  autoreconf ${autoreconfFlags:---install --force --verbose}
  runHook postAutoreconf
}
