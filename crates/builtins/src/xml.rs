//! The writer behind `builtins.toXML`: elements, two blanks deeper for each level, attributes in
//! the order of their names.

/// Writes XML.
pub struct XmlWriter {
    out: Vec<u8>,
    open: Vec<&'static str>,
}

impl Default for XmlWriter {
    fn default() -> Self {
        Self {
            out: b"<?xml version='1.0' encoding='utf-8'?>\n".to_vec(),
            open: Vec::new(),
        }
    }
}

impl XmlWriter {
    /// Opens an element. Attributes must come in the order of their names.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &[u8])]) {
        self.begin(name, attributes);
        self.out.extend_from_slice(b">\n");
        self.open.push(name);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            for part in ["</", name, ">\n"] {
                self.out.extend_from_slice(part.as_bytes());
            }
        }
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &[u8])]) {
        self.begin(name, attributes);
        self.out.extend_from_slice(b" />\n");
    }

    /// Closes what is open and gives the text.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn indent(&mut self) {
        self.out.resize(self.out.len() + self.open.len() * 2, b' ');
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &[u8])]) {
        self.indent();
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        for (attribute, value) in attributes {
            for part in [" ", attribute, "=\""] {
                self.out.extend_from_slice(part.as_bytes());
            }
            for &byte in *value {
                match byte {
                    b'"' => self.out.extend_from_slice(b"&quot;"),
                    b'<' => self.out.extend_from_slice(b"&lt;"),
                    b'>' => self.out.extend_from_slice(b"&gt;"),
                    b'&' => self.out.extend_from_slice(b"&amp;"),
                    // A line break in an attribute would be read back as a blank.
                    b'\n' => self.out.extend_from_slice(b"&#xA;"),
                    _ => self.out.push(byte),
                }
            }
            self.out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_attributes_are_escaped() {
        let mut writer = XmlWriter::default();
        writer.open("expr", &[]);
        writer.open("attr", &[("line", b"1"), ("name", b"a\"<>&\n")]);
        writer.empty("null", &[]);
        let text = writer.finish();
        assert_eq!(
            String::from_utf8_lossy(&text),
            "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n  <attr line=\"1\" \
             name=\"a&quot;&lt;&gt;&amp;&#xA;\">\n    <null />\n  </attr>\n</expr>\n"
        );
    }
}
