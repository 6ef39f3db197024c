''
    one

      two
  ${"three"}

    four''
