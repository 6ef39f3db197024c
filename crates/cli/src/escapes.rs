//! What of a text reaches the terminal.
//!
//! Messages carry text of others: of programs, which like to colour, and of files. Where stderr has
//! no colours, escape sequences are taken out; tabs become blanks up to the next multiple of eight
//! and carriage returns and bells vanish everywhere. Columns are counted from the start of the whole
//! text, line breaks included, as the reference counts them.

/// The text as it is to be written.
pub(crate) fn clean(text: &str, keep_escapes: bool) -> String {
    if !text.contains(['\u{1b}', '\t', '\r', '\u{7}']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut width = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => {
                let mut sequence = String::from(character);
                if rest.peek() == Some(&'[') {
                    sequence.extend(rest.next());
                    while let Some(parameter) = rest.next_if(|it| (' '..='?').contains(it)) {
                        sequence.push(parameter);
                    }
                    sequence.extend(rest.next_if(|it| ('@'..='~').contains(it)));
                } else {
                    sequence.extend(rest.next_if(|it| ('@'..='_').contains(it)));
                }
                if keep_escapes {
                    out.push_str(&sequence);
                }
            }
            '\t' => loop {
                out.push(' ');
                width += 1;
                if width % 8 == 0 {
                    break;
                }
            },
            '\r' | '\u{7}' => {}
            _ => {
                out.push(character);
                width += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escapes_go_and_tabs_widen() {
        let coloured = "\u{1b}[1;31mred\u{1b}[0m\tx\r\u{7}\u{1b}Mé";
        assert_eq!(clean(coloured, false), "red     xé");
        assert_eq!(
            clean(coloured, true),
            "\u{1b}[1;31mred\u{1b}[0m     x\u{1b}Mé"
        );
        assert_eq!(clean("plain\n", false), "plain\n");
    }
}
