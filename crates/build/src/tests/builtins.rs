//! Builders of our own, over real stores.

use std::collections::BTreeMap;

use firn_hash::Hasher;
use firn_store::{BuildMode, BuildStatus, Store as _};
use firn_store_model::{ContentAddress, ContentAddressMethod, DerivationOutput, StorePath};

use super::world::{Recipe, World};
use crate::BuildSettings;

fn builtin(name: &str, builder: &str) -> Recipe {
    let mut recipe = Recipe::script(name, "");
    recipe.derivation.builder = format!("builtin:{builder}").into_bytes();
    recipe.derivation.platform = b"builtin".to_vec();
    recipe.derivation.args.clear();
    recipe
}

fn fixed(world: &World, recipe: Recipe, contents: &[u8]) -> Recipe {
    let kind = DerivationOutput::Fixed(ContentAddress {
        method: ContentAddressMethod::Flat,
        hash: Hasher::sha256(contents),
    });
    let name = recipe.derivation.name.clone();
    let path = kind
        .path(world.store_dir(), &name, "out")
        .expect("sound")
        .expect("known");
    let printed = world.store_dir().print(&path);
    recipe.kind(kind).env("out", printed)
}

#[test]
fn files_are_fetched_and_mirrors_are_tried_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("file");
    std::fs::write(&source, "contents").expect("written");
    let world = World::new();
    let url = format!("file://{}", source.display());
    let recipe = builtin("fetched", "fetchurl").env("url", &url);
    assert_eq!(world.text(fixed(&world, recipe, b"contents")), "contents");
    let recipe = builtin("wrong", "fetchurl").env("url", &url);
    let result = world.fail(fixed(&world, recipe, b"others"));
    assert_eq!(result.status, BuildStatus::HashMismatch);
    let recipe = builtin("absent", "fetchurl").env("url", "mirror://nowhere/file");
    let result = world.fail(fixed(&world, recipe, b"contents"));
    assert!(
        result
            .error
            .contains("> error: no mirror is known for 'mirror://nowhere/file'"),
        "{}",
        result.error
    );

    // A hashed mirror has it, and so nobody asks for the address.
    let hash = Hasher::sha256(b"mirrored");
    let mirror = dir.path().join("mirror/sha256");
    std::fs::create_dir_all(&mirror).expect("made");
    std::fs::write(mirror.join(hash.to_base16()), "mirrored").expect("written");
    let world = World::with(BuildSettings {
        hashed_mirrors: vec![format!("file://{}", dir.path().join("mirror").display())],
        mirrors: BTreeMap::new(),
        ..BuildSettings::default()
    });
    let recipe = builtin("mirrored", "fetchurl").env("url", "mirror://nowhere/file");
    assert_eq!(world.text(fixed(&world, recipe, b"mirrored")), "mirrored");
}

#[test]
fn packages_are_merged_into_one_tree_of_links() {
    let world = World::new();
    let package = |name: &str, script: &str| -> StorePath {
        let outputs = world.build(Recipe::script(name, script));
        outputs["out"].clone()
    };
    let one = package(
        "one",
        "mkdir -p $out/bin $out/share/one; echo 1 > $out/bin/x; echo a > $out/bin/same",
    );
    let two = package(
        "two",
        "mkdir -p $out/bin; echo 2 > $out/bin/y; echo b > $out/bin/same",
    );
    let (one, two) = (world.store_dir().print(&one), world.store_dir().print(&two));
    let recipe = |derivations: &str| {
        builtin("env", "buildenv")
            .env("derivations", derivations)
            .env("manifest", "/nowhere/manifest")
            .source(&world.store_dir().parse(&one).expect("a path"))
            .source(&world.store_dir().parse(&two).expect("a path"))
    };
    let outputs = world.build(recipe(&format!("true 5 1 {one} true 6 1 {two}")));
    let out = world.real(&outputs["out"]);
    let target = |name: &str| std::fs::read_link(out.join(name)).expect("a link");
    assert_eq!(target("bin/x").to_str(), Some(&*format!("{one}/bin/x")));
    assert_eq!(target("bin/y").to_str(), Some(&*format!("{two}/bin/y")));
    assert_eq!(
        target("bin/same").to_str(),
        Some(&*format!("{one}/bin/same"))
    );
    assert_eq!(target("share").to_str(), Some(&*format!("{one}/share")));
    assert_eq!(target("manifest.nix").to_str(), Some("/nowhere/manifest"));
    let result = world.fail(recipe(&format!("true 5 1 {one} true 5 1 {two}")));
    assert!(
        result
            .error
            .contains("There is a conflict for the following files"),
        "{}",
        result.error
    );
    let drv = world.add(builtin("unknown", "nothing"));
    let result = world.realise(&drv, BuildMode::Normal);
    assert!(
        result
            .error
            .contains("unsupported builtin builder 'nothing'"),
        "{}",
        result.error
    );
    assert!(
        world
            .store
            .is_valid_path(&outputs["out"])
            .expect("answered")
    );
}
