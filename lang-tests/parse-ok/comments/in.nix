# first
/* second */ { /** documented */ a = /* inside */ 1; # last
  /**/ b = 2; /*** not a doc */ }
