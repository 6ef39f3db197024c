//! The formats of the store: derivations, archives, narinfo files. What is read must print as a
//! text that reads as the same thing; strangers' bytes never panic.

use firn_store_model::nar::{NarWriter, decode, list_nar};
use firn_store_model::{Derivation, NarInfo, StoreDir};

fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").expect("an absolute path")
}

/// A derivation that reads prints, and what it prints reads as the same derivation.
pub fn aterm(text: &[u8]) {
    let store_dir = store_dir();
    let Ok(drv) = Derivation::parse(&store_dir, text, "name") else {
        return;
    };
    // A fixed output may have a name too long for a path; then there is nothing to print.
    let Ok(printed) = drv.print(&store_dir) else {
        return;
    };
    // The platform is printed as it is, so one with a quote does not read back.
    if drv.platform.iter().any(|byte| b"\"\\".contains(byte)) {
        return;
    }
    let again = Derivation::parse(&store_dir, &printed, "name").expect("what is printed reads");
    assert_eq!(again, drv);
    assert_eq!(again.print(&store_dir).as_ref(), Ok(&printed));
}

/// An archive that reads is the only one of its tree: written again, it is the same bytes.
pub fn nar(bytes: &[u8]) {
    let mut writer = NarWriter::new(Vec::new());
    let listed = list_nar(bytes);
    match decode(bytes, &mut writer) {
        Ok(size) => {
            assert!(listed.is_ok(), "all readers agree");
            let written = writer.finish().expect("a tree that was read is complete");
            assert_eq!(written, bytes[..size as usize]);
        }
        Err(_) => assert!(listed.is_err(), "all readers agree"),
    }
}

/// A narinfo that reads prints as one that reads as the same.
pub fn narinfo(text: &[u8]) {
    let store_dir = store_dir();
    if let Ok(narinfo) = NarInfo::parse(&store_dir, text, "narinfo") {
        let printed = narinfo.print(&store_dir);
        let again = NarInfo::parse(&store_dir, printed.as_bytes(), "narinfo");
        assert_eq!(again.as_ref(), Ok(&narinfo));
        assert_eq!(
            narinfo.info.fingerprint(&store_dir).is_some(),
            narinfo.info.nar_size != 0
        );
    }
}
