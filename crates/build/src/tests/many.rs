//! Many small builds: that none is lost, that builders share the work between stores, and roughly
//! how fast.

use std::time::Instant;

use firn_store::{BuildMode, Store as _};

use super::world::{Recipe, World, all_outputs};
use crate::BuildSettings;

/// Builds this many derivations at once and tells how long each took.
fn build_many(world: &World, n: usize) -> f64 {
    let drvs: Vec<_> = (0..n)
        .map(|idx| {
            let recipe = Recipe::script(&format!("trivial-{idx}"), "echo hi > $out");
            all_outputs(&world.add(recipe))
        })
        .collect();
    let started = Instant::now();
    world
        .store
        .build_paths(&drvs, BuildMode::Normal)
        .expect("all of them can be built");
    started.elapsed().as_secs_f64() * 1000.0 / n as f64
}

#[test]
fn a_sandboxed_build_takes_milliseconds() {
    let world = World::with(BuildSettings {
        max_jobs: 2,
        ..BuildSettings::default()
    });
    let each = build_many(&world, 60);
    // The figure that counts is a few milliseconds; a busy machine gets a wide margin.
    assert!(each < 200.0, "{each:.2} ms each");
}

#[test]
fn so_does_one_without_a_sandbox() {
    let world = World::without_sandbox(BuildSettings {
        max_jobs: 2,
        ..BuildSettings::default()
    });
    let each = build_many(&world, 60);
    assert!(each < 200.0, "{each:.2} ms each");
}

#[test]
fn two_processes_share_the_work_by_locks() {
    use firn_store::{BuildStatus, LocalOptions, LocalStore};
    use std::sync::Arc;
    let world = World::new();
    let location = world.store.local().location().clone();
    // Another store over the same place is what another process has.
    let other = LocalStore::open(location, LocalOptions::default()).expect("opened");
    let other = crate::BuildingStore::new(Arc::new(other), BuildSettings::default(), Vec::new());
    let drv = world.add(Recipe::script(
        "shared",
        "sleep 0.5; cat /proc/sys/kernel/random/uuid > $out",
    ));
    let path = [all_outputs(&drv)];
    let statuses: Vec<BuildStatus> = std::thread::scope(|scope| {
        let first = scope.spawn(|| world.realise(&drv, BuildMode::Normal).status);
        let second = scope.spawn(|| {
            let results = other.build_paths_with_results(&path, BuildMode::Normal);
            results.expect("a result")[0].status
        });
        [first, second]
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(
        statuses.iter().all(|status| status.is_success()),
        "{statuses:?}"
    );
    let n_built = statuses
        .iter()
        .filter(|status| **status == BuildStatus::Built)
        .count();
    assert_eq!(n_built, 1, "{statuses:?}");
}

#[test]
fn cancelling_kills_and_cleans_up() {
    let world = World::new();
    let drv = world.add(Recipe::script("endless", "sleep 100000; echo > $out"));
    std::thread::scope(|scope| {
        let request = scope.spawn(|| world.error(&[&drv]));
        std::thread::sleep(std::time::Duration::from_millis(300));
        let started = Instant::now();
        world.store.cancel();
        request.join().expect("no panic");
        assert!(started.elapsed().as_secs() < 20);
    });
    let location = world.store.local().location();
    assert!(super::world::names(&location.state_dir.join("builds")).is_empty());
    let left = super::world::names(&location.physical_dir);
    assert!(
        !left.iter().any(|name| name.contains(".chroot")),
        "{left:?}"
    );
}

/// Waits for a file.
fn wait_for(path: &std::path::Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed().as_secs() < 60, "no {}", path.display());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn once_cancelled_nothing_more_is_begun() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a directory");
    let (hook, begun, end) = (
        dir.path().join("hook"),
        dir.path().join("begun"),
        dir.path().join("end"),
    );
    let script = format!(
        "#!/bin/sh\n: > {}\nwhile ! test -e {}; do sleep 0.01; done\n",
        begun.display(),
        end.display()
    );
    std::fs::write(&hook, script).expect("written");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("set");
    let world = World::with(BuildSettings {
        max_jobs: 1,
        post_build_hook: Some(hook),
        ..BuildSettings::default()
    });
    let drvs = ["first", "second", "third"]
        .map(|name| all_outputs(&world.add(Recipe::script(name, "echo > $out"))));
    std::thread::scope(|scope| {
        let request = scope.spawn(|| world.store.build_paths(&drvs, BuildMode::Normal));
        // The first one has been built and is about to make room.
        wait_for(&begun);
        world.store.cancel();
        std::fs::write(&end, "").expect("written");
        assert!(request.join().expect("no panic").is_err());
    });
    let n_begun = world
        .events
        .take()
        .iter()
        .filter(|event| {
            matches!(event, firn_events::Event::Start { kind, .. }
            if matches!(kind, firn_events::ActivityKind::Build { .. }))
        })
        .count();
    assert_eq!(n_begun, 1);
}

#[test]
fn no_build_finds_what_another_left() {
    let world = World::with(BuildSettings {
        max_jobs: 1,
        ..BuildSettings::default()
    });
    let script = "found=$(ls -A /build /tmp /dev/shm $NIX_STORE | grep -v '^/'); \
                  ls -ld /build /tmp $NIX_STORE | cut -c1-10 > $out; echo $found >> $out; \
                  echo x > /build/x; mkdir -p /tmp/y/z; echo > $NIX_STORE/x; chmod 777 /build";
    let recipe = |n: usize| Recipe::script(&format!("untidy-{n}"), script);
    let drvs: Vec<_> = (0..6).map(|n| world.add(recipe(n))).collect();
    let paths: Vec<_> = drvs.iter().map(all_outputs).collect();
    let results = world
        .store
        .build_paths_with_results(&paths, BuildMode::Normal)
        .expect("results");
    let mut texts = std::collections::BTreeSet::new();
    for result in &results {
        assert!(result.status.is_success(), "{result:?}");
        for output in result.outputs.values() {
            texts.insert(std::fs::read_to_string(world.real(&output.out_path)).expect("a file"));
        }
    }
    let texts: Vec<_> = texts.into_iter().collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("drwx------\n"), "{texts:?}");
    assert!(texts[0].contains("drwxrwxrwt\n"), "{texts:?}");
    assert_eq!(texts[0].lines().nth(3), Some(""), "{texts:?}");
    let location = world.store.local().location();
    assert_eq!(
        super::world::names(&location.state_dir.join("builds")),
        std::collections::BTreeSet::new()
    );
    let left = super::world::names(&location.physical_dir);
    assert!(
        !left.iter().any(|name| name.contains(".chroot")),
        "{left:?}"
    );
}

#[test]
fn control_groups_count_and_go() {
    let Some(parent) = firn_sys::support::writable_cgroup() else {
        return;
    };
    let groups = || {
        let mut names = super::world::names(&parent);
        let own = format!("firn-build-{}-", std::process::id());
        names.retain(|name| name.starts_with(&own));
        names
    };
    for sandbox in [true, false] {
        let settings = BuildSettings {
            cgroup: Some(parent.clone()),
            ..BuildSettings::default()
        };
        let world = if sandbox {
            World::with(settings)
        } else {
            World::without_sandbox(settings)
        };
        let script = "n=0; while test $n -lt 20000; do n=$((n + 1)); done; \
                      while read -r line; do \
                      case $line in 0::*) echo $line;; esac; done < /proc/self/cgroup > $out";
        let drv = world.add(Recipe::script("counted", script));
        let result = world.realise(&drv, BuildMode::Normal);
        let (user, system) = result.cpu_time.expect("counted");
        assert!(user + system > 0);
        let output = &result.outputs.values().next().expect("an output").out_path;
        let text = std::fs::read_to_string(world.real(output)).expect("a file");
        assert!(text.contains("/firn-build-"), "{text}");
        let endless = world.add(Recipe::script("endless", "while :; do :; done"));
        std::thread::scope(|scope| {
            let request = scope.spawn(|| world.error(&[&endless]));
            let started = Instant::now();
            while groups().is_empty() && started.elapsed().as_secs() < 20 {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert_eq!(groups().len(), 1);
            world.store.cancel();
            request.join().expect("no panic");
        });
        assert!(groups().is_empty(), "{:?}", groups());
    }
}
