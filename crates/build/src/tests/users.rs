//! Whom builders run as, where root builds: one user of a range, or all of them.

use std::os::unix::fs::MetadataExt as _;

use firn_store::Store as _;
use firn_sys::support;

use super::world::{Recipe, World};
use crate::BuildSettings;

fn settings() -> BuildSettings {
    BuildSettings {
        auto_allocate_uids: true,
        system_features: ["uid-range".to_owned()].into(),
        range_cgroup: support::writable_cgroup().ok_or_else(|| "there is none".to_owned()),
        ..BuildSettings::default()
    }
}

fn ranged(name: &str, script: &str) -> Recipe {
    Recipe::script(name, script).env("requiredSystemFeatures", "uid-range")
}

/// What it takes to build with a range, in the words in which the lack of it is explained.
fn obstacle(settings: &BuildSettings) -> Option<&'static str> {
    let last = settings.start_id + crate::users::IDS_PER_SLOT - 1;
    if !support::is_privileged() {
        Some("requires that root builds")
    } else if !support::has_user_namespaces() {
        Some("requires user namespaces")
    } else if !support::is_mapped_uid(settings.start_id) || !support::is_mapped_uid(last) {
        Some("which this process cannot take")
    } else if settings.range_cgroup.is_err() {
        Some("requires control groups")
    } else {
        None
    }
}

#[test]
fn a_range_of_users_makes_a_builder_root_of_its_own_world() {
    let world = World::with(settings());
    let script = "mkdir $out; touch $out/first $out/second; chown 7:9 $out/second
        { id -u; id -g; grep -c . /proc/self/uid_map; while read inside outside count; do \
            echo $inside $count; done < /proc/self/uid_map
          while read -r line; do case $line in 0::*) echo $line;; esac; done < /proc/self/cgroup
          mount -t tmpfs none /mnt 2>/dev/null || { mkdir /mnt; mount -t tmpfs none /mnt && echo mounted; }
          hostname inside && hostname
          touch /etc/own && echo etc
          umount /nix/store 2>/dev/null || echo locked
          test -d /sys/kernel && echo sys; } > $out/text";
    if let Some(why) = obstacle(&settings()) {
        let result = world.fail(ranged("range", script));
        assert!(result.error.contains(why), "{}", result.error);
        return;
    }
    let outputs = world.build(ranged("range", script));
    let out = world.real(&outputs["out"]);
    let text = std::fs::read_to_string(out.join("text")).expect("there");
    let expected = "0\n0\n1\n0 65536\n0::/\nmounted\ninside\netc\nlocked\nsys\n";
    assert_eq!(text, expected);
    // What several users made belongs to the store's owner in the end.
    let owner = std::fs::metadata(&out).expect("there").uid();
    for name in ["first", "second"] {
        let uid = std::fs::metadata(out.join(name)).expect("there").uid();
        assert_eq!(uid, owner, "{name}");
    }
}

#[test]
fn inputs_stay_read_only_for_root_of_a_range() {
    if obstacle(&settings()).is_some() {
        return;
    }
    let world = World::with(settings());
    let source = world
        .store
        .add_text("source", b"contents", &std::collections::BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&source);
    let script = "{ echo x > $src || echo no; mount -o remount,rw,bind $src || echo no; \
                    umount $src || echo no; chown 5 $src || echo no; mknod /sda b 8 0 || echo no
                  } 2>/dev/null > $out";
    let recipe = ranged("writer", script)
        .source(&source)
        .env("src", &printed);
    assert_eq!(world.text(recipe), "no\nno\nno\nno\nno\n");
    assert_eq!(
        std::fs::read(world.real(&source)).expect("there"),
        b"contents"
    );
}

#[test]
fn what_a_range_takes_is_said() {
    let script = "echo > $out";
    let world = World::with(BuildSettings {
        auto_allocate_uids: false,
        ..settings()
    });
    let result = world.fail(ranged("off", script));
    assert!(
        result.error.contains(
            "feature 'uid-range' requires the setting 'auto-allocate-uids' to be enabled"
        ),
        "{}",
        result.error
    );
    let world = World::without_sandbox(settings());
    let result = world.fail(ranged("outside", script));
    assert!(
        result
            .error
            .contains("feature 'uid-range' is only supported in sandboxed builds"),
        "{}",
        result.error
    );
}

#[test]
fn numbers_are_used_in_place_of_a_group() {
    let world = World::with(BuildSettings {
        build_users_group: Some("no such group".to_owned()),
        ..settings()
    });
    let text = world.text(Recipe::script("id", "id -u > $out"));
    assert_eq!(text, "1000\n");
    if !support::is_privileged() {
        return;
    }
    let world = World::without_sandbox(settings());
    let result = world.fail(Recipe::script("id", "id -u > $out"));
    assert!(
        result.error.contains("specified in 'build-users-group'"),
        "{}",
        result.error
    );
}
