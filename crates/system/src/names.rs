//! Names of units: instances of templates, the name without its kind, names of mounts.

/// The template that a unit is an instance of: `getty@.service` for `getty@tty1.service`.
pub fn template_of(unit: &str) -> Option<String> {
    let (stem, kind) = unit.rsplit_once('.')?;
    let (name, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{name}@.{kind}"))
}

/// The name without its kind, and for an instance that of the template without the `@`.
pub fn stem(unit: &str) -> &str {
    let stem = unit.rsplit_once('.').map_or(unit, |it| it.0);
    stem.split_once('@').map_or(stem, |it| it.0)
}

/// The unit that mounts at a place.
pub fn mount_unit(mount_point: &str) -> String {
    format!("{}.mount", escape_path(mount_point))
}

/// A path as the name of a unit: slashes become dashes, what is special is written as a number.
pub fn escape_path(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|it| !it.is_empty()).collect();
    if parts.is_empty() {
        return "-".to_owned();
    }
    let mut out = String::new();
    for (number, byte) in parts.join("/").bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if number == 0 => out.push_str("\\x2e"),
            b':' | b'_' | b'.' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => {
                const DIGITS: &[u8] = b"0123456789abcdef";
                out.push_str("\\x");
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let template = |unit| template_of(unit);
        assert_eq!(
            template("getty@tty1.service").as_deref(),
            Some("getty@.service")
        );
        assert_eq!(
            template("user@1000.service").as_deref(),
            Some("user@.service")
        );
        assert_eq!(template("getty@.service"), None);
        assert_eq!(template("sshd.service"), None);
        assert_eq!(stem("sshd.service"), "sshd");
        assert_eq!(stem("sshd@1.2.3.4:5.service"), "sshd");
    }

    #[test]
    fn mounts_have_escaped_names() {
        assert_eq!(mount_unit("/"), "-.mount");
        assert_eq!(mount_unit("/nix/store/"), "nix-store.mount");
        assert_eq!(mount_unit("/a-b/.c"), "a\\x2db-.c.mount");
        assert_eq!(mount_unit("/.hidden"), "\\x2ehidden.mount");
    }
}
