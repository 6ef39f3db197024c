//! Packs that are whole, cut short, damaged, foreign, and many.

use std::os::unix::fs::PermissionsExt as _;

use firn_eval::{FormKey, Forms as _};
use tempfile::TempDir;

use super::{EXTENSION, FormCache, MAX_PACKS, names};

fn key(number: u32) -> FormKey {
    let mut key = [7; 32];
    key[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_le_bytes());
    FormKey(key)
}

fn form(number: u32) -> Vec<u8> {
    let len = number % 97;
    (0..len).map(|it| (it * number) as u8).collect()
}

fn cache(folder: &TempDir) -> FormCache {
    FormCache::new(folder.path().join("parsed"), "this program")
}

fn keep(folder: &TempDir, numbers: impl Iterator<Item = u32>) {
    let cache = cache(folder);
    numbers.for_each(|it| cache.keep(&key(it), &form(it)));
    cache.save();
}

fn found(cache: &FormCache, number: u32) -> Option<Vec<u8>> {
    let form = cache.find(&key(number))?;
    assert!(form.range.start.is_multiple_of(8), "forms are aligned");
    Some((*form.bytes).as_ref()[form.range].to_vec())
}

fn packs(folder: &TempDir) -> Vec<std::path::PathBuf> {
    let directory = folder.path().join("parsed");
    let names = names(&directory, EXTENSION);
    names.iter().map(|it| directory.join(it)).collect()
}

#[test]
fn finds_what_another_run_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = cache(&folder);
    assert_eq!(found(&first, 1), None);
    keep(&folder, 0..200);
    let second = cache(&folder);
    for number in 0..200 {
        assert_eq!(found(&second, number), Some(form(number)), "{number}");
    }
    assert_eq!(found(&second, 200), None);
    let other = FormCache::new(folder.path().join("parsed"), "that program");
    assert_eq!(found(&other, 1), None, "programs do not share forms");
}

#[test]
fn what_is_not_saved_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    cache(&folder).keep(&key(1), &form(1));
    let left = std::fs::read_dir(folder.path().join("parsed")).expect("it was made");
    assert_eq!(left.count(), 0);
}

#[test]
fn damage_is_noticed_and_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    keep(&folder, 1..40);
    let path = packs(&folder).pop().expect("one pack");
    let whole = std::fs::read(&path).expect("it can be read");
    let mut state = 99_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for round in 0..400 {
        let mut damaged = whole.clone();
        if round % 2 == 0 {
            damaged.truncate(random(whole.len()));
        } else {
            damaged[random(whole.len())] ^= 1 << random(8);
        }
        std::fs::remove_file(&path).expect("it is there");
        std::fs::write(&path, damaged).expect("it can be written");
        let permissions = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, permissions).expect("it is ours");
        let cache = cache(&folder);
        for number in 1..40 {
            let found = found(&cache, number);
            assert!(found.is_none_or(|it| it == form(number)), "{number}");
        }
    }
    keep(&folder, 1..40);
    // One that cannot be opened is gone, and what it held is there again.
    let mended = cache(&folder);
    assert!((1..40).all(|it| found(&mended, it) == Some(form(it))));
}

#[test]
fn what_others_could_have_written_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    keep(&folder, 1..4);
    let path = packs(&folder).pop().expect("one pack");
    for (path, mode) in [(path.clone(), 0o622), (folder.path().join("parsed"), 0o777)] {
        let before = std::fs::metadata(&path).expect("it is there").permissions();
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("it is ours");
        assert_eq!(found(&cache(&folder), 1), None, "{}", path.display());
        std::fs::set_permissions(&path, before).expect("it is ours");
        assert_eq!(found(&cache(&folder), 1), Some(form(1)));
    }
    std::fs::remove_file(&path).expect("it is there");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, b"x").expect("it can be written");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    assert_eq!(found(&cache(&folder), 1), None, "links are not followed");
}

#[test]
fn many_packs_become_few() {
    let folder = tempfile::tempdir().expect("a folder");
    for run in 0..30 {
        keep(&folder, run * 5..run * 5 + 7);
        assert!(packs(&folder).len() <= MAX_PACKS);
    }
    let last = cache(&folder);
    assert!((0..152).all(|it| found(&last, it) == Some(form(it))));
}
