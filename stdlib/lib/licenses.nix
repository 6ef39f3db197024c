/**
  Licences that packages name in `meta.license`, by the names the field uses.

  Each is a set with `shortName` (its name here), `spdxId` where the SPDX list
  has it, `fullName`, `free`, `redistributable`, `url` and `deprecated`.
*/
{ lib }:
let
  # [ name in SPDX, full name ], for licences that are free.
  free = {
    afl20 = [ "AFL-2.0" "Academic Free License v2.0" ];
    afl21 = [ "AFL-2.1" "Academic Free License v2.1" ];
    afl3 = [ "AFL-3.0" "Academic Free License v3.0" ];
    agpl3Only = [ "AGPL-3.0-only" "GNU Affero General Public License v3.0 only" ];
    agpl3Plus = [ "AGPL-3.0-or-later" "GNU Affero General Public License v3.0 or later" ];
    apsl10 = [ "APSL-1.0" "Apple Public Source License 1.0" ];
    apsl20 = [ "APSL-2.0" "Apple Public Source License 2.0" ];
    artistic1 = [ "Artistic-1.0" "Artistic License 1.0" ];
    artistic1-cl8 = [ "Artistic-1.0-cl8" "Artistic License 1.0 w/clause 8" ];
    artistic2 = [ "Artistic-2.0" "Artistic License 2.0" ];
    asl11 = [ "Apache-1.1" "Apache License 1.1" ];
    asl20 = [ "Apache-2.0" "Apache License 2.0" ];
    beerware = [ "Beerware" "Beerware License" ];
    blueOak100 = [ "BlueOak-1.0.0" "Blue Oak Model License 1.0.0" ];
    boehmGC = [ "Boehm-GC" "Boehm-Demers-Weiser GC License" ];
    bsd0 = [ "0BSD" "BSD Zero Clause License" ];
    bsd1 = [ "BSD-1-Clause" "BSD 1-Clause License" ];
    bsd2 = [ "BSD-2-Clause" "BSD 2-Clause \"Simplified\" License" ];
    bsd2Patent = [ "BSD-2-Clause-Patent" "BSD-2-Clause Plus Patent License" ];
    bsd2WithViews = [ "BSD-2-Clause-Views" "BSD 2-Clause with views sentence" ];
    bsd3 = [ "BSD-3-Clause" "BSD 3-Clause \"New\" or \"Revised\" License" ];
    bsd3Clear = [ "BSD-3-Clause-Clear" "BSD 3-Clause Clear License" ];
    bsdOriginal = [ "BSD-4-Clause" "BSD 4-Clause \"Original\" or \"Old\" License" ];
    bsdOriginalUC = [ "BSD-4-Clause-UC" "BSD-4-Clause (University of California-Specific)" ];
    boost = [ "BSL-1.0" "Boost Software License 1.0" ];
    bzip2 = [ "bzip2-1.0.6" "bzip2 and libbzip2 License v1.0.6" ];
    cc-by-10 = [ "CC-BY-1.0" "Creative Commons Attribution 1.0 Generic" ];
    cc-by-30 = [ "CC-BY-3.0" "Creative Commons Attribution 3.0 Unported" ];
    cc-by-40 = [ "CC-BY-4.0" "Creative Commons Attribution 4.0 International" ];
    cc-by-sa-10 = [ "CC-BY-SA-1.0" "Creative Commons Attribution Share Alike 1.0 Generic" ];
    cc-by-sa-20 = [ "CC-BY-SA-2.0" "Creative Commons Attribution Share Alike 2.0 Generic" ];
    cc-by-sa-25 = [ "CC-BY-SA-2.5" "Creative Commons Attribution Share Alike 2.5 Generic" ];
    cc-by-sa-30 = [ "CC-BY-SA-3.0" "Creative Commons Attribution Share Alike 3.0 Unported" ];
    cc-by-sa-40 = [ "CC-BY-SA-4.0" "Creative Commons Attribution Share Alike 4.0 International" ];
    cc0 = [ "CC0-1.0" "Creative Commons Zero v1.0 Universal" ];
    cddl = [ "CDDL-1.0" "Common Development and Distribution License 1.0" ];
    cecill20 = [ "CECILL-2.0" "CeCILL Free Software License Agreement v2.0" ];
    cecill21 = [ "CECILL-2.1" "CeCILL Free Software License Agreement v2.1" ];
    cecill-b = [ "CECILL-B" "CeCILL-B Free Software License Agreement" ];
    cecill-c = [ "CECILL-C" "CeCILL-C Free Software License Agreement" ];
    clArtistic = [ "ClArtistic" "Clarified Artistic License" ];
    classpathException20 = [ "Classpath-exception-2.0" "Classpath exception 2.0" ];
    cpal10 = [ "CPAL-1.0" "Common Public Attribution License 1.0" ];
    cpl10 = [ "CPL-1.0" "Common Public License 1.0" ];
    curl = [ "curl" "curl License" ];
    ecl20 = [ "ECL-2.0" "Educational Community License v2.0" ];
    efl10 = [ "EFL-1.0" "Eiffel Forum License v1.0" ];
    efl20 = [ "EFL-2.0" "Eiffel Forum License v2.0" ];
    epl10 = [ "EPL-1.0" "Eclipse Public License 1.0" ];
    epl20 = [ "EPL-2.0" "Eclipse Public License 2.0" ];
    eupl11 = [ "EUPL-1.1" "European Union Public License 1.1" ];
    eupl12 = [ "EUPL-1.2" "European Union Public License 1.2" ];
    fairLicense = [ "Fair" "Fair License" ];
    fdl11Only = [ "GFDL-1.1-only" "GNU Free Documentation License v1.1 only" ];
    fdl11Plus = [ "GFDL-1.1-or-later" "GNU Free Documentation License v1.1 or later" ];
    fdl12Only = [ "GFDL-1.2-only" "GNU Free Documentation License v1.2 only" ];
    fdl12Plus = [ "GFDL-1.2-or-later" "GNU Free Documentation License v1.2 or later" ];
    fdl13Only = [ "GFDL-1.3-only" "GNU Free Documentation License v1.3 only" ];
    fdl13Plus = [ "GFDL-1.3-or-later" "GNU Free Documentation License v1.3 or later" ];
    ftl = [ "FTL" "Freetype Project License" ];
    gpl1Only = [ "GPL-1.0-only" "GNU General Public License v1.0 only" ];
    gpl1Plus = [ "GPL-1.0-or-later" "GNU General Public License v1.0 or later" ];
    gpl2Only = [ "GPL-2.0-only" "GNU General Public License v2.0 only" ];
    gpl2Plus = [ "GPL-2.0-or-later" "GNU General Public License v2.0 or later" ];
    gpl3Only = [ "GPL-3.0-only" "GNU General Public License v3.0 only" ];
    gpl3Plus = [ "GPL-3.0-or-later" "GNU General Public License v3.0 or later" ];
    hpnd = [ "HPND" "Historical Permission Notice and Disclaimer" ];
    hpndSellVariant = [ "HPND-sell-variant" "Historical Permission Notice and Disclaimer - sell variant" ];
    icu = [ "ICU" "ICU License" ];
    ijg = [ "IJG" "Independent JPEG Group License" ];
    imagemagick = [ "ImageMagick" "ImageMagick License" ];
    imlib2 = [ "Imlib2" "Imlib2 License" ];
    info-zip = [ "Info-ZIP" "Info-ZIP License" ];
    ipa = [ "IPA" "IPA Font License" ];
    ipl10 = [ "IPL-1.0" "IBM Public License v1.0" ];
    isc = [ "ISC" "ISC License" ];
    lal12 = [ "LAL-1.2" "Licence Art Libre 1.2" ];
    lal13 = [ "LAL-1.3" "Licence Art Libre 1.3" ];
    lgpl2Only = [ "LGPL-2.0-only" "GNU Library General Public License v2 only" ];
    lgpl2Plus = [ "LGPL-2.0-or-later" "GNU Library General Public License v2 or later" ];
    lgpl21Only = [ "LGPL-2.1-only" "GNU Lesser General Public License v2.1 only" ];
    lgpl21Plus = [ "LGPL-2.1-or-later" "GNU Lesser General Public License v2.1 or later" ];
    lgpl3Only = [ "LGPL-3.0-only" "GNU Lesser General Public License v3.0 only" ];
    lgpl3Plus = [ "LGPL-3.0-or-later" "GNU Lesser General Public License v3.0 or later" ];
    libpng = [ "Libpng" "libpng License" ];
    libpng2 = [ "libpng-2.0" "PNG Reference Library version 2" ];
    libtiff = [ "libtiff" "libtiff License" ];
    llvm-exception = [ "LLVM-exception" "LLVM Exception" ];
    lppl1 = [ "LPPL-1.0" "LaTeX Project Public License v1.0" ];
    lppl12 = [ "LPPL-1.2" "LaTeX Project Public License v1.2" ];
    lppl13a = [ "LPPL-1.3a" "LaTeX Project Public License v1.3a" ];
    lppl13c = [ "LPPL-1.3c" "LaTeX Project Public License v1.3c" ];
    lpl-102 = [ "LPL-1.02" "Lucent Public License v1.02" ];
    miros = [ "MirOS" "The MirOS Licence" ];
    mit = [ "MIT" "MIT License" ];
    mit0 = [ "MIT-0" "MIT No Attribution" ];
    mit-cmu = [ "MIT-CMU" "CMU License" ];
    mit-enna = [ "MIT-enna" "enna License" ];
    mit-feh = [ "MIT-feh" "feh License" ];
    mitAdvertising = [ "MIT-advertising" "Enlightenment License (e16)" ];
    mitOpenGroup = [ "MIT-open-group" "MIT Open Group variant" ];
    mpl10 = [ "MPL-1.0" "Mozilla Public License 1.0" ];
    mpl11 = [ "MPL-1.1" "Mozilla Public License 1.1" ];
    mpl20 = [ "MPL-2.0" "Mozilla Public License 2.0" ];
    mspl = [ "MS-PL" "Microsoft Public License" ];
    mulan-psl2 = [ "MulanPSL-2.0" "Mulan Permissive Software License, Version 2" ];
    nasa13 = [ "NASA-1.3" "NASA Open Source Agreement 1.3" ];
    ncsa = [ "NCSA" "University of Illinois/NCSA Open Source License" ];
    nlpl = [ "NLPL" "No Limit Public License" ];
    nposl3 = [ "NPOSL-3.0" "Non-Profit Open Software License 3.0" ];
    ntp = [ "NTP" "NTP License" ];
    odbl = [ "ODbL-1.0" "Open Data Commons Open Database License v1.0" ];
    ofl = [ "OFL-1.1" "SIL Open Font License 1.1" ];
    openldap = [ "OLDAP-2.8" "Open LDAP Public License v2.8" ];
    openssl = [ "OpenSSL" "OpenSSL License" ];
    osl2 = [ "OSL-2.0" "Open Software License 2.0" ];
    osl21 = [ "OSL-2.1" "Open Software License 2.1" ];
    osl3 = [ "OSL-3.0" "Open Software License 3.0" ];
    parity70 = [ "Parity-7.0.0" "Parity Public License 7.0.0" ];
    php301 = [ "PHP-3.01" "PHP License v3.01" ];
    postgresql = [ "PostgreSQL" "PostgreSQL License" ];
    psfl = [ "Python-2.0" "Python Software Foundation License version 2" ];
    qhull = [ "Qhull" "Qhull License" ];
    qpl = [ "QPL-1.0" "Q Public License 1.0" ];
    ruby = [ "Ruby" "Ruby License" ];
    sendmail = [ "Sendmail" "Sendmail License" ];
    sgi-b-20 = [ "SGI-B-2.0" "SGI Free Software License B v2.0" ];
    sleepycat = [ "Sleepycat" "Sleepycat License" ];
    smlnj = [ "SMLNJ" "Standard ML of New Jersey License" ];
    tcltk = [ "TCL" "TCL/TK License" ];
    ubdlException = [ "UBDL-exception" "Unmodified Binary Distribution exception" ];
    unicode-dfs-2016 = [ "Unicode-DFS-2016" "Unicode License Agreement - Data Files and Software (2016)" ];
    unicode-30 = [ "Unicode-3.0" "Unicode License v3" ];
    unicode-dfs-2015 = [ "Unicode-DFS-2015" "Unicode License Agreement - Data Files and Software (2015)" ];
    unlicense = [ "Unlicense" "The Unlicense" ];
    upl = [ "UPL-1.0" "Universal Permissive License" ];
    vim = [ "Vim" "Vim License" ];
    vsl10 = [ "VSL-1.0" "Vovida Software License v1.0" ];
    w3c = [ "W3C" "W3C Software Notice and License" ];
    watcom = [ "Watcom-1.0" "Sybase Open Watcom Public License 1.0" ];
    wtfpl = [ "WTFPL" "Do What The F*ck You Want To Public License" ];
    wxWindowsException31 = [ "WxWindows-exception-3.1" "WxWindows Library Exception, version 3.1" ];
    x11 = [ "X11" "X11 License" ];
    xfig = [ "Xfig" "Xfig License" ];
    xinetd = [ "xinetd" "xinetd License" ];
    xskat = [ "XSkat" "XSkat License" ];
    zlib = [ "Zlib" "zlib License" ];
    zpl20 = [ "ZPL-2.0" "Zope Public License 2.0" ];
    zpl21 = [ "ZPL-2.1" "Zope Public License 2.1" ];
    ubuntu-font-10 = [ "Ubuntu-font-1.0" "Ubuntu Font Licence v1.0" ];
  };

  # Licences that are not free.
  unfreeSpdx = {
    aladdin = [ "Aladdin" "Aladdin Free Public License" ];
    bsl11 = [ "BUSL-1.1" "Business Source License 1.1" ];
    cc-by-nc-30 = [ "CC-BY-NC-3.0" "Creative Commons Attribution Non Commercial 3.0 Unported" ];
    cc-by-nc-40 = [ "CC-BY-NC-4.0" "Creative Commons Attribution Non Commercial 4.0 International" ];
    cc-by-nc-nd-30 = [ "CC-BY-NC-ND-3.0" "Creative Commons Attribution Non Commercial No Derivatives 3.0 Unported" ];
    cc-by-nc-nd-40 = [ "CC-BY-NC-ND-4.0" "Creative Commons Attribution Non Commercial No Derivatives 4.0 International" ];
    cc-by-nc-sa-20 = [ "CC-BY-NC-SA-2.0" "Creative Commons Attribution Non Commercial Share Alike 2.0 Generic" ];
    cc-by-nc-sa-25 = [ "CC-BY-NC-SA-2.5" "Creative Commons Attribution Non Commercial Share Alike 2.5 Generic" ];
    cc-by-nc-sa-30 = [ "CC-BY-NC-SA-3.0" "Creative Commons Attribution Non Commercial Share Alike 3.0 Unported" ];
    cc-by-nc-sa-40 = [ "CC-BY-NC-SA-4.0" "Creative Commons Attribution Non Commercial Share Alike 4.0 International" ];
    cc-by-nd-30 = [ "CC-BY-ND-3.0" "Creative Commons Attribution No Derivatives 3.0 Unported" ];
    cc-by-nd-40 = [ "CC-BY-ND-4.0" "Creative Commons Attribution No Derivatives 4.0 International" ];
    elastic20 = [ "Elastic-2.0" "Elastic License 2.0" ];
    sspl = [ "SSPL-1.0" "Server Side Public License, v 1" ];
  };

  # The names of before the SPDX list told "only" from "or later".
  deprecated = {
    agpl3 = [ "AGPL-3.0" "GNU Affero General Public License v3.0" ];
    fdl12 = [ "GFDL-1.2" "GNU Free Documentation License v1.2" ];
    fdl13 = [ "GFDL-1.3" "GNU Free Documentation License v1.3" ];
    gpl2 = [ "GPL-2.0" "GNU General Public License v2.0" ];
    gpl3 = [ "GPL-3.0" "GNU General Public License v3.0" ];
    lgpl2 = [ "LGPL-2.0" "GNU Library General Public License v2" ];
    lgpl21 = [ "LGPL-2.1" "GNU Lesser General Public License v2.1" ];
    lgpl3 = [ "LGPL-3.0" "GNU Lesser General Public License v3.0" ];
  };

  # Licences that the SPDX list does not have.
  others = {
    bsdAxisNoDisclaimerUnmodified = { fullName = "BSD-Axis without Warranty Disclaimer with Unmodified requirement"; };
    free = { fullName = "Unspecified free software license"; };
    issl = { fullName = "Intel Simplified Software License"; free = false; };
    publicDomain = { fullName = "Public Domain"; };
    unfree = { fullName = "Unfree"; free = false; };
    unfreeRedistributable = {
      fullName = "Unfree redistributable";
      free = false;
      redistributable = true;
    };
    unfreeRedistributableFirmware = {
      fullName = "Unfree redistributable firmware";
      free = false;
      redistributable = true;
    };
  };

  license =
    shortName:
    {
      fullName,
      spdxId ? null,
      free ? true,
      redistributable ? free,
      deprecated ? false,
    }:
    {
      inherit
        shortName
        fullName
        free
        redistributable
        deprecated
        ;
    }
    // lib.optionalAttrs (spdxId != null) {
      inherit spdxId;
      url = "https://spdx.org/licenses/${spdxId}.html";
    };

  table =
    extra: entries:
    builtins.mapAttrs (
      name: entry:
      license name (
        {
          spdxId = builtins.elemAt entry 0;
          fullName = builtins.elemAt entry 1;
        }
        // extra
      )
    ) entries;

  isExpression = x: x._type or null == "license-expression";

  # The licences in an expression, or in what packages write for one.
  leaves =
    x:
    if builtins.isList x then
      lib.concatMap leaves x
    else if isExpression x then
      lib.concatMap leaves x.operands
    else
      [ x ];

  expression = operator: operands: {
    _type = "license-expression";
    inherit operator operands;
  };

  operators = rec {
    /**
      All of several licences apply.

      Type: `AND :: [License] -> LicenseExpression`
    */
    AND = expression "AND";

    /**
      One of several licences may be chosen.

      Type: `OR :: [License] -> LicenseExpression`
    */
    OR = expression "OR";

    /**
      A licence with an exception to it.

      Type: `WITH :: License -> License -> LicenseExpression`
    */
    WITH =
      license: exception:
      expression "WITH" [
        license
        exception
      ];

    /**
      A licence or any later version of it.

      Type: `PLUS :: License -> LicenseExpression`
    */
    PLUS = license: expression "PLUS" [ license ];

    /**
      Whether a property holds of an expression: of all operands of `AND`
      (or, where the flag is false, of any), of one operand of `OR`, and of
      the licence itself where it stands with an exception.

      Type: `evaluateProperty :: (License -> Bool) -> Bool -> LicenseExpression -> Bool`

      Example: `lib.licenses.evaluateProperty (l: l.free) true lib.licenses.mit` is `true`
    */
    evaluateProperty =
      property: every: x:
      let
        go = evaluateProperty property every;
      in
      if builtins.isList x then
        go (AND x)
      else if !isExpression x then
        property x
      else if x.operator == "AND" then
        (if every then lib.all else lib.any) go x.operands
      else if x.operator == "OR" then
        lib.any go x.operands
      else
        go (builtins.head x.operands);

    /**
      Whether what an expression allows is free software.

      Type: `isFree :: LicenseExpression -> Bool`

      Example: `lib.licenses.isFree (lib.licenses.OR [ lib.licenses.mit lib.licenses.unfree ])` is `true`
    */
    isFree = evaluateProperty (l: l.free or true) true;

    /**
      Whether an expression allows to pass copies on.

      Type: `isRedistributable :: LicenseExpression -> Bool`

      Example: `lib.licenses.isRedistributable lib.licenses.unfree` is `false`
    */
    isRedistributable = evaluateProperty (l: l.redistributable or (l.free or true)) true;

    /**
      Whether all licences of a list occur in an expression.

      Type: `containsLicenses :: [License] -> LicenseExpression -> Bool`

      Example: `lib.licenses.containsLicenses [ lib.licenses.mit ] (lib.licenses.AND [ lib.licenses.mit ])` is `true`
    */
    containsLicenses = wanted: x: lib.all (l: builtins.elem l (leaves x)) wanted;

    /**
      An expression in the syntax of SPDX.

      Type: `toSPDX :: LicenseExpression -> String`

      Example: `lib.licenses.toSPDX (lib.licenses.PLUS lib.licenses.eupl11)` is `"EUPL-1.1+"`
    */
    toSPDX =
      let
        go =
          outer: x:
          let
            many =
              lib.concatMapStringsSep " ${x.operator} " (go true) x.operands;
          in
          if builtins.isList x then
            go outer (AND x)
          else if !isExpression x then
            x.spdxId or "LicenseRef-nixos-${x.shortName}"
          else if x.operator == "PLUS" then
            go true (builtins.head x.operands) + "+"
          else if outer && builtins.length x.operands > 1 then
            "(${many})"
          else
            many;
      in
      go false;
  };
in
operators
// table { } free
// table { free = false; } unfreeSpdx
// table { deprecated = true; } deprecated
// builtins.mapAttrs license others
