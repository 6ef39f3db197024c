//! Sets of bytes, and the names POSIX gives to some of them.
//!
//! Everything here is byte based and locale free: classes cover ASCII only, bytes of a multi-byte
//! character belong to no class, and collating elements are the single ASCII characters. Bounds of
//! a range compare as *signed* bytes, as the reference does, so `[é-a]` is a range and `[a-é]` an
//! error. Users: `parse` builds sets from bracket expressions, `program` asks which bytes can come
//! first.

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct ByteSet {
    bits: [u64; 4],
}

impl ByteSet {
    pub(super) fn single(byte: u8) -> Self {
        let mut set = Self::default();
        set.insert(byte);
        set
    }

    /// What `.` stands for: everything but the zero byte.
    pub(super) fn any() -> Self {
        let mut set = Self {
            bits: [u64::MAX; 4],
        };
        set.bits[0] &= !1;
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        self.bits[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.bits[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn insert_all(&mut self, other: &Self) {
        for (mine, theirs) in self.bits.iter_mut().zip(other.bits) {
            *mine |= theirs;
        }
    }

    pub(super) fn is_disjoint(&self, other: &Self) -> bool {
        self.bits
            .iter()
            .zip(other.bits)
            .all(|(mine, theirs)| mine & theirs == 0)
    }

    pub(super) fn complement(&self) -> Self {
        Self {
            bits: self.bits.map(|word| !word),
        }
    }

    /// The only member, if there is exactly one.
    pub(super) fn as_single(&self) -> Option<u8> {
        let n: u32 = self.bits.iter().map(|word| word.count_ones()).sum();
        (n == 1).then(|| {
            let word_idx = self.bits.iter().position(|&word| word != 0).unwrap_or(0);
            (word_idx as u32 * 64 + self.bits[word_idx].trailing_zeros()) as u8
        })
    }

    /// Adds `first..=last`, compared as signed bytes; `false` if the bounds are out of order.
    pub(super) fn insert_range(&mut self, first: u8, last: u8) -> bool {
        let (first, last) = (first as i8, last as i8);
        for byte in first..=last {
            self.insert(byte as u8);
        }
        first <= last
    }
}

/// The members of the class called `name` (as in `[:alpha:]`; case is ignored).
pub(super) fn class_by_name(name: &[u8]) -> Option<ByteSet> {
    let test: fn(u8) -> bool = match name.to_ascii_lowercase().as_slice() {
        b"d" | b"digit" => |b| b.is_ascii_digit(),
        b"w" => |b| b.is_ascii_alphanumeric() || b == b'_',
        b"s" | b"space" => |b| b == b' ' || (9..=13).contains(&b),
        b"alnum" => |b| b.is_ascii_alphanumeric(),
        b"alpha" => |b| b.is_ascii_alphabetic(),
        b"blank" => |b| b == b' ' || b == b'\t',
        b"cntrl" => |b| b.is_ascii_control(),
        b"graph" => |b| b.is_ascii_graphic(),
        b"lower" => |b| b.is_ascii_lowercase(),
        b"print" => |b| b.is_ascii_graphic() || b == b' ',
        b"punct" => |b| b.is_ascii_punctuation(),
        b"upper" => |b| b.is_ascii_uppercase(),
        b"xdigit" => |b| b.is_ascii_hexdigit(),
        _ => return None,
    };
    let mut set = ByteSet::default();
    for byte in 0..=u8::MAX {
        if test(byte) {
            set.insert(byte);
        }
    }
    Some(set)
}

/// The byte of the collating element called `name` (as in `[.hyphen.]`).
pub(super) fn collating_element(name: &[u8]) -> Option<u8> {
    if let &[letter] = name
        && letter.is_ascii_alphabetic()
    {
        return Some(letter);
    }
    COLLATING_NAMES
        .iter()
        .find(|(_, known)| known.as_bytes() == name)
        .map(|&(byte, _)| byte)
}

/// The POSIX names of the characters that are not letters.
const COLLATING_NAMES: &[(u8, &str)] = &[
    (0, "NUL"),
    (1, "SOH"),
    (2, "STX"),
    (3, "ETX"),
    (4, "EOT"),
    (5, "ENQ"),
    (6, "ACK"),
    (7, "alert"),
    (8, "backspace"),
    (9, "tab"),
    (10, "newline"),
    (11, "vertical-tab"),
    (12, "form-feed"),
    (13, "carriage-return"),
    (14, "SO"),
    (15, "SI"),
    (16, "DLE"),
    (17, "DC1"),
    (18, "DC2"),
    (19, "DC3"),
    (20, "DC4"),
    (21, "NAK"),
    (22, "SYN"),
    (23, "ETB"),
    (24, "CAN"),
    (25, "EM"),
    (26, "SUB"),
    (27, "ESC"),
    (28, "IS4"),
    (29, "IS3"),
    (30, "IS2"),
    (31, "IS1"),
    (b' ', "space"),
    (b'!', "exclamation-mark"),
    (b'"', "quotation-mark"),
    (b'#', "number-sign"),
    (b'$', "dollar-sign"),
    (b'%', "percent-sign"),
    (b'&', "ampersand"),
    (b'\'', "apostrophe"),
    (b'(', "left-parenthesis"),
    (b')', "right-parenthesis"),
    (b'*', "asterisk"),
    (b'+', "plus-sign"),
    (b',', "comma"),
    (b'-', "hyphen"),
    (b'.', "period"),
    (b'/', "slash"),
    (b'0', "zero"),
    (b'1', "one"),
    (b'2', "two"),
    (b'3', "three"),
    (b'4', "four"),
    (b'5', "five"),
    (b'6', "six"),
    (b'7', "seven"),
    (b'8', "eight"),
    (b'9', "nine"),
    (b':', "colon"),
    (b';', "semicolon"),
    (b'<', "less-than-sign"),
    (b'=', "equals-sign"),
    (b'>', "greater-than-sign"),
    (b'?', "question-mark"),
    (b'@', "commercial-at"),
    (b'[', "left-square-bracket"),
    (b'\\', "backslash"),
    (b']', "right-square-bracket"),
    (b'^', "circumflex"),
    (b'_', "underscore"),
    (b'`', "grave-accent"),
    (b'{', "left-curly-bracket"),
    (b'|', "vertical-line"),
    (b'}', "right-curly-bracket"),
    (b'~', "tilde"),
    (127, "DEL"),
];
