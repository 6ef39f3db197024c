//! Settings with a handful of allowed words, and the few with a syntax of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Error;
use crate::typed::{FlagShape, Typed};

macro_rules! choice {
    ($(#[doc = $about:literal])+ $type:ident, expected $expected:expr, shape $shape:ident;
     $($(#[doc = $doc:literal])+ $variant:ident = $word:literal / $json:expr,)+) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[doc = $doc])+ $variant,)+ }

        impl Typed for $type {
            fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
                *self = match text {
                    $($word => Self::$variant,)+
                    _ => {
                        return Err(Error::NotOneOf {
                            name: name.to_owned(),
                            value: text.to_owned(),
                            expected: $expected,
                        });
                    }
                };
                Ok(())
            }

            fn render(&self) -> String {
                match self { $(Self::$variant => $word,)+ }.to_owned()
            }

            fn json(&self) -> Value {
                match self { $(Self::$variant => json!($json),)+ }
            }

            fn flag_shape(&self) -> FlagShape {
                FlagShape::$shape
            }
        }
    };
}

choice! {
    /// What a lint does when it finds something.
    LintLevel, expected Some("'ignore', 'warn', or 'fatal'"), shape Value;
    /// Nothing.
    Ignore = "ignore" / "ignore",
    /// It warns.
    Warn = "warn" / "warn",
    /// It refuses the source.
    Fatal = "fatal" / "fatal",
}

choice! {
    /// Whether builds are isolated.
    SandboxMode, expected None, shape Sandbox;
    /// Always.
    Enabled = "true" / true,
    /// Unless a fixed-output derivation asks not to be.
    Relaxed = "relaxed" / "relaxed",
    /// Never.
    Disabled = "false" / false,
}

choice! {
    /// Which profiler watches an evaluation.
    EvalProfiler, expected None, shape Value;
    /// None.
    Disabled = "disabled" / "disabled",
    /// Samples of the call stack, one folded stack a line.
    Flamegraph = "flamegraph" / "flamegraph",
}

/// How many builds may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// The number; 0 leaves all builds to remote machines.
    pub count: u32,
    n_cpus: u32,
}

impl Jobs {
    /// That many jobs, on a machine where `auto` means `n_cpus`.
    pub fn new(count: u32, n_cpus: u32) -> Self {
        Self { count, n_cpus }
    }
}

impl Typed for Jobs {
    fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        self.count = if text == "auto" {
            self.n_cpus.max(1)
        } else {
            text.parse().map_err(|_| Error::NotJobs {
                name: name.to_owned(),
            })?
        };
        Ok(())
    }

    fn render(&self) -> String {
        self.count.to_string()
    }

    fn json(&self) -> Value {
        json!(self.count)
    }
}

/// Where something that is mounted into the sandbox comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSource {
    /// The path outside.
    pub source: String,
    /// Whether it may be absent.
    pub optional: bool,
}

/// Paths mounted into the sandbox: path inside to path outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxPaths(pub BTreeMap<String, SandboxSource>);

impl Typed for SandboxPaths {
    fn take(
        &mut self,
        _: &str,
        text: &str,
        append: bool,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut given = BTreeMap::new();
        let mut words: Vec<_> = text.split_ascii_whitespace().collect();
        words.sort_unstable();
        for word in words {
            let (plain, optional) = word
                .strip_suffix('?')
                .map_or((word, false), |plain| (plain, true));
            let (inside, outside) = plain.split_once('=').unwrap_or((plain, plain));
            given.insert(
                inside.to_owned(),
                SandboxSource {
                    source: outside.to_owned(),
                    optional,
                },
            );
        }
        if append {
            for (inside, source) in given {
                self.0.entry(inside).or_insert(source);
            }
        } else {
            self.0 = given;
        }
        Ok(())
    }

    fn render(&self) -> String {
        let words: Vec<_> = self
            .0
            .iter()
            .map(|(inside, from)| {
                let mark = if from.optional { "?" } else { "" };
                if *inside == from.source {
                    format!("{inside}{mark}")
                } else {
                    format!("{inside}={}{mark}", from.source)
                }
            })
            .collect();
        words.join(" ")
    }

    fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(inside, from)| {
                let from = json!({"optional": from.optional, "source": from.source});
                (inside.clone(), from)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::List
    }
}

/// A program that builds derivations of systems this machine cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalBuilder {
    /// The systems it builds for.
    pub systems: Vec<String>,
    /// The program.
    pub program: String,
    /// Its leading arguments.
    pub args: Vec<String>,
}

/// The programs of the `external-builders` setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalBuilders(pub Vec<ExternalBuilder>);

impl Typed for ExternalBuilders {
    fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        let bad = |message: String| Error::NotJson {
            name: name.to_owned(),
            message,
        };
        let value: Value = serde_json::from_str(text).map_err(|it| bad(it.to_string()))?;
        let list = value
            .as_array()
            .ok_or_else(|| bad("expected a list of builders".to_owned()))?;
        self.0 = list
            .iter()
            .map(|it| external_builder(it).map_err(bad))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    fn render(&self) -> String {
        self.json().to_string()
    }

    fn json(&self) -> Value {
        self.0
            .iter()
            .map(|it| json!({"args": it.args, "program": it.program, "systems": it.systems}))
            .collect()
    }
}

fn external_builder(value: &Value) -> Result<ExternalBuilder, String> {
    let strings = |key: &str| -> Option<Vec<String>> {
        let list = value.get(key)?.as_array()?;
        list.iter()
            .map(|it| Some(it.as_str()?.to_owned()))
            .collect()
    };
    Ok(ExternalBuilder {
        systems: strings("systems").ok_or("a builder needs a list of strings `systems`")?,
        program: value
            .get("program")
            .and_then(Value::as_str)
            .ok_or("a builder needs a string `program`")?
            .to_owned(),
        args: if value.get("args").is_none() {
            Vec::new()
        } else {
            strings("args").ok_or("`args` of a builder must be a list of strings")?
        },
    })
}
