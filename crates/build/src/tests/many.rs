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
