/**
  Units of systemd: their options, and how they become files.
*/
{ lib, config, pkgs }:
let
  inherit (lib)
    concatMapStrings
    concatStrings
    mapAttrsToList
    mkOption
    optionalAttrs
    types
    ;

  names = types.listOf types.str;

  list = description: mkOption {
    type = names;
    default = [ ];
    inherit description;
  };

  text = description: mkOption {
    type = types.lines;
    default = "";
    inherit description;
  };

  # A value of a directive: a list repeats it, a boolean is a word.
  scalar = types.oneOf [
    types.bool
    types.int
    types.float
    types.str
    types.path
    types.package
  ];
  section = types.attrsOf (types.nullOr (types.either scalar (types.listOf scalar)));

  show = v: if builtins.isBool v then lib.boolToString v else toString v;
in
rec {
  unitOptions = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the unit can be started; otherwise it is masked.";
    };
    overrideStrategy = mkOption {
      type = types.enum [
        "asDropinIfExists"
        "asDropin"
      ];
      default = "asDropinIfExists";
      description = "Whether the unit adds to one that systemd brings, or may take its place.";
    };
    description = mkOption {
      type = types.singleLineStr;
      default = "";
      description = "What the unit is, in a few words.";
    };
    documentation = list "Where it is documented.";
    requires = list "Units that must be there; when one stops, so does this.";
    wants = list "Units to start along with it.";
    upholds = list "Units to keep running.";
    after = list "Units to wait for.";
    before = list "Units that wait for it.";
    bindsTo = list "Units without which it stops at once.";
    partOf = list "Units whose stop or restart it follows.";
    conflicts = list "Units that cannot run beside it.";
    requisite = list "Units that must run already.";
    onFailure = list "Units to start when it fails.";
    onSuccess = list "Units to start when it is done.";
    wantedBy = list "Units that want it.";
    requiredBy = list "Units that require it.";
    upheldBy = list "Units that uphold it.";
    aliases = list "Other names of it.";
    startLimitBurst = mkOption {
      type = types.nullOr types.int;
      default = null;
      description = "How often it may start within the interval.";
    };
    startLimitIntervalSec = mkOption {
      type = types.nullOr types.int;
      default = null;
      description = "The interval, in seconds.";
    };
    unitConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Unit]`.";
    };
    restartTriggers = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
      description = "Values whose change restarts it on a switch.";
    };
    reloadTriggers = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
      description = "Values whose change reloads it on a switch.";
    };
  };

  serviceOptions = unitOptions // {
    environment = mkOption {
      type = types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package types.int ]));
      default = { };
      description = "Variables of its processes.";
    };
    path = mkOption {
      type = types.listOf (types.oneOf [ types.package types.str ]);
      default = [ ];
      apply = ps: "${lib.makeBinPath ps}:${lib.makeSearchPathOutput "bin" "sbin" ps}";
      description = "Packages whose programs it finds.";
    };
    serviceConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Service]`.";
    };
    enableStrictShellChecks = mkOption {
      type = types.bool;
      default = false;
      description = "Whether scripts stop at unset variables.";
    };
    script = text "Shell commands that are the service.";
    scriptArgs = mkOption {
      type = types.str;
      default = "";
      description = "Arguments of the script.";
    };
    preStart = text "Shell commands before the start.";
    postStart = text "Shell commands after the start.";
    reload = text "Shell commands of a reload.";
    preStop = text "Shell commands that stop it.";
    postStop = text "Shell commands after the stop.";
    restartIfChanged = mkOption {
      type = types.bool;
      default = true;
      description = "Whether a switch restarts it when it changed.";
    };
    reloadIfChanged = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a switch reloads it when it changed.";
    };
    stopIfChanged = mkOption {
      type = types.bool;
      default = true;
      description = "Whether a switch stops it by its former definition and starts it by the new one, rather than restarting it.";
    };
    notSocketActivated = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a changed service starts again although its socket would.";
    };
    startAt = mkOption {
      type = types.either types.str (types.listOf types.str);
      default = [ ];
      apply = lib.toList;
      example = "daily";
      description = "When to start it, as a timer's calendar says.";
    };
  };

  socketOptions = unitOptions // {
    listenStreams = list "Addresses to listen at for streams.";
    listenDatagrams = list "Addresses to listen at for datagrams.";
    socketConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Socket]`.";
    };
  };

  timerOptions = unitOptions // {
    timerConfig = mkOption {
      type = section;
      default = { };
      example = { OnCalendar = "daily"; };
      description = "Directives of the section `[Timer]`.";
    };
  };

  pathOptions = unitOptions // {
    pathConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Path]`.";
    };
  };

  mountOptions = unitOptions // {
    what = mkOption {
      type = types.str;
      description = "What is mounted.";
    };
    where = mkOption {
      type = types.str;
      description = "Where it is mounted.";
    };
    type = mkOption {
      type = types.str;
      default = "";
      description = "The kind of file system.";
    };
    options = mkOption {
      type = types.commas;
      default = "";
      description = "Mount options.";
    };
    mountConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Mount]`.";
    };
  };

  sliceOptions = unitOptions // {
    sliceConfig = mkOption {
      type = section;
      default = { };
      description = "Directives of the section `[Slice]`.";
    };
  };

  # A script of a service as an executable file.
  job =
    service: kind: commands:
    pkgs.writeTextFile {
      name = "unit-script-${service}-${kind}";
      executable = true;
      text = "#!${pkgs.runtimeShell} -e\n${lib.optionalString config.systemd.services.${service}.enableStrictShellChecks or false "set -u\n"}${commands}";
    };

  directives =
    set:
    concatStrings (
      mapAttrsToList (
        name: value:
        if value == null then
          ""
        else if builtins.isList value then
          concatMapStrings (v: "${name}=${show v}\n") value
        else
          "${name}=${show value}\n"
      ) set
    );

  # The section that all kinds of units have.
  unitSection =
    u:
    let
      joined =
        attr: directive: optionalAttrs (u.${attr} != [ ]) { ${directive} = lib.concatStringsSep " " u.${attr}; };
    in
    joined "requires" "Requires"
    // joined "wants" "Wants"
    // joined "upholds" "Upholds"
    // joined "after" "After"
    // joined "before" "Before"
    // joined "bindsTo" "BindsTo"
    // joined "partOf" "PartOf"
    // joined "conflicts" "Conflicts"
    // joined "requisite" "Requisite"
    // joined "onFailure" "OnFailure"
    // joined "onSuccess" "OnSuccess"
    // joined "documentation" "Documentation"
    // optionalAttrs (u.description != "") { Description = u.description; }
    // optionalAttrs (u.startLimitIntervalSec != null) { StartLimitIntervalSec = u.startLimitIntervalSec; }
    // optionalAttrs (u.startLimitBurst != null) { StartLimitBurst = u.startLimitBurst; }
    // optionalAttrs (u.restartTriggers != [ ]) { X-Restart-Triggers = trigger u.restartTriggers; }
    // optionalAttrs (u.reloadTriggers != [ ]) { X-Reload-Triggers = trigger u.reloadTriggers; }
    // u.unitConfig;

  # Values as one short word that changes with them; what they refer to need
  # not be part of the system for it.
  trigger =
    values:
    builtins.hashString "sha256" (
      builtins.unsafeDiscardStringContext (lib.concatMapStringsSep "\n" toString values)
    );

  header = name: set: lib.optionalString (set != { }) "[${name}]\n${directives set}\n";

  serviceText =
    name: s:
    let
      script = kind: commands: directive: optionalAttrs (commands != "") { ${directive} = "${job name kind commands}"; };
      switch =
        if s.reloadIfChanged then
          "X-ReloadIfChanged=true\n"
        else if !s.restartIfChanged then
          "X-RestartIfChanged=false\n"
        else
          "";
    in
    header "Unit" (unitSection s)
    + "[Service]\n"
    + concatStrings (
      mapAttrsToList (
        n: v: lib.optionalString (v != null) "Environment=${builtins.toJSON "${n}=${toString v}"}\n"
      ) s.environment
    )
    + lib.optionalString (s.path != ":") "Environment=${builtins.toJSON "PATH=${s.path}"}\n"
    + switch
    + lib.optionalString (!s.stopIfChanged) "X-StopIfChanged=false\n"
    + lib.optionalString s.notSocketActivated "X-NotSocketActivated=true\n"
    + directives (
      script "pre-start" s.preStart "ExecStartPre"
      // optionalAttrs (s.script != "") { ExecStart = "${job name "start" s.script} ${s.scriptArgs}"; }
      // script "post-start" s.postStart "ExecStartPost"
      // script "reload" s.reload "ExecReload"
      // script "pre-stop" s.preStop "ExecStop"
      // script "post-stop" s.postStop "ExecStopPost"
      // s.serviceConfig
    );

  socketText =
    s:
    header "Unit" (unitSection s)
    + "[Socket]\n"
    + concatMapStrings (a: "ListenStream=${a}\n") s.listenStreams
    + concatMapStrings (a: "ListenDatagram=${a}\n") s.listenDatagrams
    + directives s.socketConfig;

  timerText = t: header "Unit" (unitSection t) + "[Timer]\n" + directives t.timerConfig;
  pathText = p: header "Unit" (unitSection p) + "[Path]\n" + directives p.pathConfig;
  targetText = t: header "Unit" (unitSection t);
  sliceText = s: header "Unit" (unitSection s) + header "Slice" s.sliceConfig;
  mountText =
    m:
    header "Unit" (unitSection m)
    + "[Mount]\n"
    + directives (
      {
        What = m.what;
        Where = m.where;
      }
      // optionalAttrs (m.type != "") { Type = m.type; }
      // optionalAttrs (m.options != "") { Options = m.options; }
      // m.mountConfig
    );

  # The name of the unit that mounts a path: slashes become dashes, and what
  # is special is escaped.
  mountName =
    path:
    let
      plain = lib.removeSuffix "/" (lib.removePrefix "/" (lib.strings.normalizePath path));
      escape = c: if builtins.match "[a-zA-Z0-9:_.]" c != null then c else if c == "/" then "-" else lib.strings.escapeC [ c ] c;
      chars = lib.stringToCharacters plain;
      dotted = if lib.hasPrefix "." plain then [ "\\x2e" ] ++ map escape (lib.tail chars) else map escape chars;
    in
    if plain == "" then "-" else concatStrings dotted;

  # A directory of unit files with the links that say who wants whom. `units`
  # is a set of { text, enable, wantedBy, requiredBy, upheldBy, aliases,
  # overrideStrategy } by file name; `upstream` is where systemd's own are.
  unitsDirectory =
    name: units: upstream:
    let
      list = mapAttrsToList (file: u: u // { inherit file; }) units;
      variable = i: "unit${toString i}";
      quote = lib.escapeShellArg;
      links =
        u: kind: targets:
        concatMapStrings (t: "link ../${quote u.file} ${quote "${t}.${kind}"} ${quote u.file}\n") targets;
    in
    pkgs.runCommandLocal name (
      {
        passAsFile = lib.imap0 (i: _: variable i) list;
        inherit upstream;
      }
      // builtins.listToAttrs (lib.imap0 (i: u: lib.nameValuePair (variable i) u.text) list)
    ) ''
      mkdir -p $out
      cd $out
      # put FILE UNIT STRATEGY: a unit of this system; one that systemd brings itself is added to, not replaced.
      put() {
        if [ "$3" = asDropin ] || [ "$3" = asDropinIfExists ] && [ -n "$upstream" ] && [ -e "$upstream/$2" ]; then
          mkdir -p "$2.d"
          cp "$1" "$2.d/overrides.conf"
        else
          cp "$1" "$2"
        fi
      }
      link() {
        mkdir -p "$2"
        ln -sfn "$1" "$2/$3"
      }
      ${lib.concatStrings (
        lib.imap0 (
          i: u:
          if u.enable then
            "put \"\$${variable i}Path\" ${quote u.file} ${u.overrideStrategy}\n"
            + links u "wants" u.wantedBy
            + links u "requires" u.requiredBy
            + links u "upholds" u.upheldBy
            + concatMapStrings (a: "ln -sfn ${quote u.file} ${quote a}\n") u.aliases
          else
            "ln -sfn /dev/null ${quote u.file}\n"
        ) list
      )}
      if [ -n "$upstream" ]; then
        for unit in "$upstream"/*; do
          file=''${unit##*/}
          case $file in
            *.wants | *.requires | *.d)
              mkdir -p "$file"
              for entry in "$unit"/*; do [ -e "$file/''${entry##*/}" ] || cp -a "$entry" "$file/"; done ;;
            *) [ -e "$file" ] || [ -L "$file" ] || ln -s "$unit" "$file" ;;
          esac
        done
      fi
    '';
}
