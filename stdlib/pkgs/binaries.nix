/**
  Packages from pinned binary archives, by `fromDeb`: the kernel and the service manager of systems, and programs whose
  sources are large.
*/
{
  lib,
  fromDeb,
  systemd,
}:

let
  simple = lib.genAttrs [
    "e2fsprogs"
    "erofs-utils"
    "firefox"
    "htop"
    "iproute2"
    "nftables"
    "nginx"
    "sudo"
    "vim"
  ];
in
simple (
  name:
  fromDeb {
    inherit name;
    mainProgram =
      {
        e2fsprogs = "mkfs.ext4";
        erofs-utils = "mkfs.erofs";
        nftables = "nft";
        iproute2 = "ip";
      }
      .${name} or name;
    postInstall =
      {
        # What the distribution's own choice of alternatives makes.
        vim = "ln -sfn vim.basic bin/vim; ln -sfn vim bin/vi";
        firefox = "ln -sfn firefox-esr bin/firefox";
        # Configurations of modules look for this beside the program.
        nginx = "mkdir -p conf; cp etc/nginx/mime.types conf/";
      }
      .${name} or "";
  }
)
// {
  openssh = fromDeb {
    name = "openssh";
    mainProgram = "ssh";
  };

  systemd = fromDeb {
    name = "systemd";
    mainProgram = "systemctl";
    postInstall = ''
      # Links to units that were made when the package was installed.
      ln -sfn multi-user.target lib/systemd/system/default.target
      rm -f lib/systemd/system/systemd-networkd-wait-online.service
      # Programs named without their directory would be looked for in the machine's own.
      find lib/systemd/system lib/systemd/user -type f | while read -r unit; do
        sed -n -E 's/^Exec[A-Za-z]+=[-+!:@]*([a-z][A-Za-z0-9_-]*)( .*)?$/\1/p' "$unit" | sort -u | while read -r program; do
          [ -e "bin/$program" ] || continue
          sed -i -E "s@^(Exec[A-Za-z]+=[-+!:\@]*)$program( |\$)@\1$out/bin/$program\2@" "$unit"
        done
      done
    '';
  };

  # The loader itself; it is copied to where the firmware looks for it.
  systemd-boot = fromDeb {
    name = "systemd-boot";
    mainProgram = "none";
  };

  tzdata = fromDeb { name = "tzdata"; };

  linuxPackages = {
    kernel = fromDeb {
      name = "linux";
      mainProgram = "none";
      postInstall = ''
        release=$(cd lib/modules && echo *)
        ln -s boot/vmlinuz-"$release" bzImage
        rm -f boot/System.map-*
        # With the indices that the loader of modules reads.
        ${systemd}/bin/depmod -b "$out" "$release"
      '';
    };
  };
}
