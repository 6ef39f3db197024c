//! XML as queries of packages write it: elements, two blanks a level, attributes in the order of
//! their names.

use std::collections::BTreeMap;

/// Attributes of an element.
pub type Attributes = BTreeMap<&'static str, String>;

/// A document that grows.
pub struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: "<?xml version='1.0' encoding='utf-8'?>\n".to_owned(),
            open: Vec::new(),
        }
    }
}

impl Writer {
    fn begin(&mut self, name: &str, attributes: &Attributes) {
        self.out.extend(std::iter::repeat_n("  ", self.open.len()));
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '"' => self.out.push_str("&quot;"),
                    '<' => self.out.push_str("&lt;"),
                    '>' => self.out.push_str("&gt;"),
                    '&' => self.out.push_str("&amp;"),
                    '\n' => self.out.push_str("&#xA;"),
                    other => self.out.push(other),
                }
            }
            self.out.push('"');
        }
    }

    /// Opens an element.
    pub fn open(&mut self, name: &'static str, attributes: &Attributes) {
        self.begin(name, attributes);
        self.out.push_str(">\n");
        self.open.push(name);
    }

    /// Closes the element that was opened last, if one is open.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.extend(std::iter::repeat_n("  ", self.open.len()));
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push_str(">\n");
        }
    }

    /// Writes an element with nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &Attributes) {
        self.begin(name, attributes);
        self.out.push_str(" />\n");
    }

    /// What has been written so far; what follows goes after it.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// The rest of the document, with everything closed.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest() {
        let mut writer = Writer::default();
        writer.open("items", &Attributes::new());
        let attributes = Attributes::from([("b", "<\"&\n".to_owned()), ("a", "1".to_owned())]);
        writer.open("item", &attributes);
        writer.empty("output", &Attributes::new());
        assert_eq!(
            writer.finish(),
            "<?xml version='1.0' encoding='utf-8'?>\n<items>\n  \
             <item a=\"1\" b=\"&lt;&quot;&amp;&#xA;\">\n    <output />\n  </item>\n</items>\n"
        );
    }
}
