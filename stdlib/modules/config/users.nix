/**
  Users and groups. Numbers that the configuration does not give are given
  once and kept, so that a user that comes back owns its files again.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.users;

  shellPath = shell: if lib.types.shellPackage.check shell then "/run/current-system/sw${shell.shellPath}" else toString shell;

  userModule =
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether the user is there.";
        };
        name = mkOption {
          type = types.passwdEntry types.str;
          default = name;
          description = "The user's name.";
        };
        description = mkOption {
          type = types.passwdEntry types.str;
          default = "";
          example = "Ada Lovelace";
          description = "Who it is, usually the full name.";
        };
        uid = mkOption {
          type = types.nullOr types.int;
          default = null;
          description = "The user's number; `null` for the next free one.";
        };
        isSystemUser = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the user is for a service, not for a person.";
        };
        isNormalUser = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the user is a person: with a home, a shell and the group `users`.";
        };
        group = mkOption {
          type = types.str;
          default = "";
          description = "The user's main group.";
        };
        extraGroups = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Further groups.";
        };
        home = mkOption {
          type = types.passwdEntry types.path;
          default = "/var/empty";
          description = "The home directory.";
        };
        homeMode = mkOption {
          type = types.strMatching "[0-7]{1,5}";
          default = "700";
          description = "The mode of the home directory when it is made.";
        };
        createHome = mkOption {
          type = types.bool;
          default = false;
          description = "Whether to make the home directory.";
        };
        useDefaultShell = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the shell is the one of `users.defaultUserShell`.";
        };
        shell = mkOption {
          type = types.nullOr (types.either types.shellPackage (types.passwdEntry types.path));
          default = if config.useDefaultShell then cfg.defaultUserShell else "/run/current-system/sw/bin/nologin";
          defaultText = lib.literalMD "`users.defaultUserShell` for people, `nologin` for others";
          description = "The login shell.";
        };
        password = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "The password in clear text, readable by everybody in the store.";
        };
        initialPassword = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "The password, in clear text, that a new user has.";
        };
        hashedPassword = mkOption {
          type = types.nullOr (types.passwdEntry types.str);
          default = null;
          description = "The password as `crypt` hashes it; `!` for none.";
        };
        initialHashedPassword = mkOption {
          type = types.nullOr (types.passwdEntry types.str);
          default = null;
          description = "The hashed password that a new user has.";
        };
        hashedPasswordFile = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "A file on the machine that holds the hashed password.";
        };
        packages = mkOption {
          type = types.listOf types.package;
          default = [ ];
          description = "Packages of this user alone.";
        };
        openssh.authorizedKeys = {
          keys = mkOption {
            type = types.listOf types.singleLineStr;
            default = [ ];
            description = "Public keys that may log in as this user.";
          };
          keyFiles = mkOption {
            type = types.listOf types.path;
            default = [ ];
            description = "Files of public keys that may log in as this user.";
          };
        };
        linger = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the user's services run without a session.";
        };
        subUidRanges = mkOption {
          type = types.listOf types.attrs;
          default = [ ];
          description = "Further user numbers that the user may give out.";
        };
        subGidRanges = mkOption {
          type = types.listOf types.attrs;
          default = [ ];
          description = "Further group numbers that the user may give out.";
        };
      };
      config = lib.mkIf config.isNormalUser {
        group = lib.mkDefault "users";
        createHome = lib.mkDefault true;
        home = lib.mkDefault "/home/${config.name}";
        useDefaultShell = lib.mkDefault true;
      };
    };

  groupModule =
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = types.passwdEntry types.str;
          default = name;
          description = "The group's name.";
        };
        gid = mkOption {
          type = types.nullOr types.int;
          default = null;
          description = "The group's number; `null` for the next free one.";
        };
        members = mkOption {
          type = types.listOf (types.passwdEntry types.str);
          default = [ ];
          description = "The group's members.";
        };
      };
    };

  enabled = lib.filter (u: u.enable) (builtins.attrValues cfg.users);

  membersOf =
    group:
    lib.naturalSort (
      lib.unique (group.members ++ map (u: u.name) (lib.filter (u: builtins.elem group.name u.extraGroups) enabled))
    );

  # What activation works from.
  specification = {
    inherit (cfg) mutableUsers;
    users = map (u: {
      inherit (u)
        name
        uid
        group
        description
        home
        homeMode
        createHome
        isSystemUser
        password
        initialPassword
        hashedPassword
        initialHashedPassword
        hashedPasswordFile
        ;
      shell = shellPath u.shell;
    }) enabled;
    groups = map (g: {
      inherit (g) name gid;
      members = membersOf g;
    }) (builtins.attrValues cfg.groups);
  };

  # The same as lines, for a shell: fields apart by a tab, never empty.
  field = v: if v == null || v == "" then "-" else toString v;
  line = lib.concatMapStringsSep "\t" field;
  lines =
    map (
      g:
      line [
        "group"
        g.name
        g.gid
        (lib.concatStringsSep "," g.members)
      ]
    ) specification.groups
    ++ map (
      u:
      line [
        "user"
        u.name
        u.uid
        u.group
        u.home
        u.shell
        (if u.isSystemUser then "system" else "normal")
        (if u.createHome then u.homeMode else "-")
        (if u.hashedPassword != null then u.hashedPassword else "-")
        (if u.initialHashedPassword != null then u.initialHashedPassword else "-")
        u.hashedPasswordFile
        u.description
      ]
    ) specification.users;

  uids = lib.filter (id: id != null) (map (u: u.uid) enabled);
  gids = lib.filter (id: id != null) (map (g: g.gid) (builtins.attrValues cfg.groups));
  repeated = list: lib.unique (lib.filter (x: lib.count (y: y == x) list > 1) list);

  loginable =
    u:
    u.hashedPasswordFile != null
    || u.openssh.authorizedKeys.keys != [ ]
    || u.openssh.authorizedKeys.keyFiles != [ ]
    || (u.hashedPassword or null) != null && !(lib.hasPrefix "!" u.hashedPassword)
    || u.password != null
    || u.initialPassword != null
    || u.initialHashedPassword != null;
in
{
  imports = [
    (lib.mkAliasOptionModule [ "users" "extraUsers" ] [ "users" "users" ])
    (lib.mkAliasOptionModule [ "users" "extraGroups" ] [ "users" "groups" ])
  ];

  options.users = {
    mutableUsers = mkOption {
      type = types.bool;
      default = true;
      description = "Whether users, groups and passwords changed on the machine are kept.";
    };
    allowNoPasswordLogin = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a system that nobody can log in to may be built.";
    };
    defaultUserShell = mkOption {
      type = types.either types.path types.shellPackage;
      description = "The shell of people who have chosen none.";
    };
    users = mkOption {
      type = types.attrsOf (types.submodule userModule);
      default = { };
      example = {
        ada = {
          isNormalUser = true;
          extraGroups = [ "wheel" ];
        };
      };
      description = "The users of the machine.";
    };
    groups = mkOption {
      type = types.attrsOf (types.submodule groupModule);
      default = { };
      description = "The groups of the machine.";
    };
  };

  config = {
    users.users = {
      root = {
        uid = config.ids.uids.root;
        description = "System administrator";
        home = "/root";
        shell = lib.mkDefault cfg.defaultUserShell;
        group = "root";
        createHome = true;
      };
      nobody = {
        uid = config.ids.uids.nobody;
        isSystemUser = true;
        description = "Unprivileged account (don't use!)";
        group = "nogroup";
      };
    };
    users.groups = lib.genAttrs [
      "root"
      "wheel"
      "disk"
      "kmem"
      "tty"
      "floppy"
      "uucp"
      "lp"
      "cdrom"
      "tape"
      "audio"
      "video"
      "dialout"
      "nogroup"
      "users"
      "utmp"
      "adm"
      "input"
      "kvm"
      "render"
      "sgx"
      "shadow"
      "keys"
      "systemd-journal"
    ] (name: { gid = lib.mkDefault config.ids.gids.${name}; });

    environment.etc = lib.concatMapAttrs (
      _: u:
      lib.optionalAttrs (u.enable && u.packages != [ ]) {
        "profiles/per-user/${u.name}".source = pkgs.buildEnv {
          name = "user-environment-${u.name}";
          paths = u.packages;
          inherit (config.environment) pathsToLink;
        };
      }
    ) cfg.users;
    environment.profiles = [
      "$HOME/.nix-profile"
      "/etc/profiles/per-user/$USER"
    ];

    system.build.usersSpecification = pkgs.writeText "users-groups.json" (builtins.toJSON specification);
    system.activationScripts = {
      users = {
        text = ''
          # Users and groups.
          ${pkgs.runtimeShell} ${./users-activate.sh} ${pkgs.writeText "users-groups" (lib.concatLines lines)} ${
            if cfg.mutableUsers then "mutable" else "fixed"
          }
        '';
        deps = [ ];
        supportsDryActivation = false;
      };
      groups = lib.stringAfter [ "users" ] "";
    };

    assertions =
      [
        {
          assertion = repeated uids == [ ];
          message = "These user numbers are given more than once: ${toString (repeated uids)}";
        }
        {
          assertion = repeated gids == [ ];
          message = "These group numbers are given more than once: ${toString (repeated gids)}";
        }
        {
          assertion =
            cfg.mutableUsers
            || cfg.allowNoPasswordLogin
            || lib.any (u: (u.name == "root" || builtins.elem "wheel" u.extraGroups) && loginable u) enabled;
          message = ''
            With `users.mutableUsers = false` nobody could log in to this system as root or as a member of `wheel`:
            set `hashedPassword`, `hashedPasswordFile` or `openssh.authorizedKeys` of one of them,
            or `users.allowNoPasswordLogin` if that is what you want.'';
        }
      ]
      ++ lib.concatMap (
        u:
        let
          kinds = lib.count lib.id [
            u.isSystemUser
            u.isNormalUser
            (u.name == "root")
          ];
        in
        [
          {
            assertion = kinds == 1;
            message = "Exactly one of `users.users.${u.name}.isSystemUser` and `users.users.${u.name}.isNormalUser` must be set.";
          }
          {
            assertion = u.group != "";
            message = "users.users.${u.name}.group is unset. Usually it is a group of the same name: users.users.${u.name}.group = \"${u.name}\"; users.groups.${u.name} = { };";
          }
          {
            assertion = u.group == "" || cfg.groups ? ${u.group};
            message = "users.users.${u.name}.group is `${u.group}', which is no group of this system.";
          }
        ]
      ) enabled;
  };
}
