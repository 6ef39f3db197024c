//! `nix-store --query`, `--print-env` and `--read-log`: what a store knows.

use std::sync::Arc;

use firn_hash::HashFormat;
use firn_store::StorePathSet;
use firn_store::closure::{ClosureOptions, closure, path_info, sort_topologically};
use firn_store_model::{Derivation, DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};

use super::{Session, graph};
use crate::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Outputs,
    Requisites,
    References,
    Referrers,
    ReferrersClosure,
    Deriver,
    ValidDerivers,
    Binding,
    Hash,
    Size,
    Tree,
    Graph,
    GraphMl,
    Resolve,
    Roots,
}

impl Question {
    fn of_flag(flag: &str) -> Option<Self> {
        Some(match flag {
            "--outputs" => Self::Outputs,
            "--requisites" | "-R" => Self::Requisites,
            "--references" => Self::References,
            "--referrers" | "--referers" => Self::Referrers,
            "--referrers-closure" | "--referers-closure" => Self::ReferrersClosure,
            "--deriver" | "-d" => Self::Deriver,
            "--valid-derivers" => Self::ValidDerivers,
            "--binding" | "-b" => Self::Binding,
            "--hash" => Self::Hash,
            "--size" => Self::Size,
            "--tree" => Self::Tree,
            "--graph" => Self::Graph,
            "--graphml" => Self::GraphMl,
            "--resolve" => Self::Resolve,
            "--roots" => Self::Roots,
            _ => return None,
        })
    }
}

#[derive(Debug, Default)]
struct Options {
    question: Option<Question>,
    binding: String,
    use_output: bool,
    include_outputs: bool,
    force_realise: bool,
}

impl Session<'_> {
    pub(super) fn query(&self) -> Result<u8, Failure> {
        let mut words = self.wanted.words.iter();
        let mut options = Options::default();
        for flag in &self.wanted.flags {
            if let Some(question) = Question::of_flag(flag) {
                if options.question.is_some_and(|it| it != question) {
                    let text = format!("query type '{flag}' conflicts with earlier flag");
                    return Err(Failure::usage(text));
                }
                options.question = Some(question);
                if question == Question::Binding {
                    let name = words.next();
                    let name = name.ok_or_else(|| Failure::usage("expected binding name"))?;
                    options.binding.clone_from(name);
                }
                continue;
            }
            match flag.as_str() {
                "--use-output" | "-u" => options.use_output = true,
                "--force-realise" | "--force-realize" | "-f" => options.force_realise = true,
                "--include-outputs" => options.include_outputs = true,
                _ => return Err(Failure::usage(format!("unknown flag '{flag}'"))),
            }
        }
        let paths = words
            .map(|word| self.path(word))
            .collect::<Result<Vec<_>, _>>()?;
        self.answer(&options, &paths)
    }

    fn answer(&self, options: &Options, paths: &[StorePath]) -> Result<u8, Failure> {
        let store = self.store.as_ref();
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        match options.question.unwrap_or(Question::Outputs) {
            Question::Outputs => {
                for path in paths {
                    for output in self.outputs_or_self(path, true, options)? {
                        line(&self.print(&output));
                    }
                }
            }
            question @ (Question::Requisites
            | Question::References
            | Question::Referrers
            | Question::ReferrersClosure) => {
                let start = self.all_outputs_or_selves(paths, options)?;
                let found = self.related(question, &start, options)?;
                for path in sort_topologically(store, &found)?.iter().rev() {
                    line(&self.print(path));
                }
            }
            Question::Deriver => {
                for path in paths {
                    let info = path_info(store, path)?;
                    let deriver = info.deriver.as_ref().map(|it| self.print(it));
                    line(deriver.as_deref().unwrap_or("unknown-deriver"));
                }
            }
            Question::ValidDerivers => {
                let mut derivers = StorePathSet::new();
                for path in paths {
                    derivers.extend(store.valid_derivers(path)?);
                }
                for path in sort_topologically(store, &derivers)?.iter().rev() {
                    line(&self.print(path));
                }
            }
            Question::Binding => return self.print_binding(&options.binding, paths),
            Question::Hash => {
                for path in self.each_outputs_or_self(paths, options)? {
                    let hash = path_info(store, &path)?.nar_hash;
                    line(&hash.format(HashFormat::Nix32, true));
                }
            }
            Question::Size => {
                for path in self.each_outputs_or_self(paths, options)? {
                    line(&path_info(store, &path)?.nar_size.to_string());
                }
            }
            Question::Tree => {
                let mut done = StorePathSet::new();
                for path in paths {
                    graph::print_tree(store, path, &mut done, &mut out)?;
                }
            }
            Question::Graph => {
                out = graph::dot(store, self.all_outputs_or_selves(paths, options)?)?;
            }
            Question::GraphMl => {
                out = graph::graph_ml(store, self.all_outputs_or_selves(paths, options)?)?;
            }
            Question::Resolve => {
                for path in paths {
                    line(&self.print(path));
                }
            }
            Question::Roots => return self.print_roots_of(paths, options),
        }
        self.context.console.print(out)?;
        Ok(0)
    }

    fn related(
        &self,
        question: Question,
        start: &StorePathSet,
        options: &Options,
    ) -> Result<StorePathSet, Failure> {
        let store = self.store.as_ref();
        let mut found = StorePathSet::new();
        match question {
            Question::Requisites => {
                let include_outputs = options.include_outputs;
                let edges = ClosureOptions {
                    include_outputs,
                    ..ClosureOptions::default()
                };
                found = closure(store, start.iter().cloned(), edges)?;
            }
            Question::ReferrersClosure => {
                let edges = ClosureOptions {
                    referrers: true,
                    ..ClosureOptions::default()
                };
                found = closure(store, start.iter().cloned(), edges)?;
            }
            Question::References => {
                for path in start {
                    found.extend(path_info(store, path)?.references.iter().cloned());
                }
            }
            _ => {
                for path in start {
                    found.extend(store.query_referrers(path)?);
                }
            }
        }
        Ok(found)
    }

    /// The outputs of a derivation if that is what is asked for, otherwise the path itself.
    fn outputs_or_self(
        &self,
        path: &StorePath,
        use_output: bool,
        options: &Options,
    ) -> Result<StorePathSet, Failure> {
        if options.force_realise {
            let wanted = if path.is_derivation() {
                DerivedPath::Built {
                    drv: Arc::new(SingleDerivedPath::Opaque(path.clone())),
                    outputs: OutputsSpec::All,
                }
            } else {
                DerivedPath::Opaque(path.clone())
            };
            self.build(&[wanted])?;
        }
        if !use_output || !path.is_derivation() {
            return Ok(StorePathSet::from([path.clone()]));
        }
        if options.force_realise {
            let outputs = self.store.query_derivation_output_map(path)?;
            return Ok(outputs.into_values().flatten().collect());
        }
        let derivation = self.derivation(path)?;
        let outputs = derivation
            .output_paths(self.store.store_dir())
            .map_err(|error| Failure::message(error.to_string()))?;
        outputs
            .into_values()
            .map(|path| {
                path.ok_or_else(|| {
                    Failure::usage(
                        "Cannot use output path of floating content-addressing derivation until \
                         we know what it is (e.g. by building it)",
                    )
                })
            })
            .collect()
    }

    fn each_outputs_or_self(
        &self,
        paths: &[StorePath],
        options: &Options,
    ) -> Result<Vec<StorePath>, Failure> {
        let mut all = Vec::new();
        for path in paths {
            all.extend(self.outputs_or_self(path, options.use_output, options)?);
        }
        Ok(all)
    }

    fn all_outputs_or_selves(
        &self,
        paths: &[StorePath],
        options: &Options,
    ) -> Result<StorePathSet, Failure> {
        Ok(self
            .each_outputs_or_self(paths, options)?
            .into_iter()
            .collect())
    }

    fn derivation(&self, path: &StorePath) -> Result<Arc<Derivation>, Failure> {
        self.store.ensure_path(path)?;
        Ok(self.store.read_derivation(path)?)
    }

    fn print_binding(&self, name: &str, paths: &[StorePath]) -> Result<u8, Failure> {
        for path in paths {
            let drv_path = if path.is_derivation() {
                path.clone()
            } else {
                let info = path_info(self.store.as_ref(), path)?;
                info.deriver.clone().ok_or_else(|| {
                    let path = self.print(path);
                    Failure::message(format!("deriver of path '{path}' is not known"))
                })?
            };
            let derivation = self.derivation(&drv_path)?;
            let value = derivation.env.get(name.as_bytes()).ok_or_else(|| {
                Failure::message(format!(
                    "derivation '{}' has no environment binding named '{name}'",
                    self.print(&drv_path)
                ))
            })?;
            self.context.console.print_line(value)?;
        }
        Ok(0)
    }

    fn print_roots_of(&self, paths: &[StorePath], options: &Options) -> Result<u8, Failure> {
        let start = self.all_outputs_or_selves(paths, options)?;
        let settings = &self.context.settings.store;
        let edges = ClosureOptions {
            referrers: true,
            include_outputs: settings.keep_outputs,
            include_derivers: settings.keep_derivations,
        };
        let referrers = closure(self.store.as_ref(), start, edges)?;
        let mut out = Vec::new();
        for (target, links) in self.store.find_roots(false)? {
            if !referrers.contains(&target) {
                continue;
            }
            for link in links {
                out.extend_from_slice(&link);
                out.extend_from_slice(format!(" -> {}\n", self.print(&target)).as_bytes());
            }
        }
        self.context.console.print(out)?;
        Ok(0)
    }

    pub(super) fn print_env(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("unknown flag")?;
        let [word] = self.wanted.words.as_slice() else {
            return Err(Failure::usage(
                "'--print-env' requires one derivation store path",
            ));
        };
        let path = self
            .store
            .store_dir()
            .parse(word)
            .map_err(|error| Failure::message(error.to_string()))?;
        let derivation = self.derivation(&path)?;
        let mut out = Vec::new();
        for (name, value) in &derivation.env {
            out.extend_from_slice(b"export ");
            out.extend_from_slice(name);
            out.extend_from_slice(b"; ");
            out.extend_from_slice(name);
            out.push(b'=');
            quote_for_shell(value, &mut out);
            out.push(b'\n');
        }
        out.extend_from_slice(b"export _args; _args=");
        quote_for_shell(&derivation.args.join(&b' '), &mut out);
        out.push(b'\n');
        self.context.console.print(out)?;
        Ok(0)
    }

    pub(super) fn read_log(&self) -> Result<u8, Failure> {
        self.wanted.no_flags("unknown flag")?;
        for word in &self.wanted.words {
            let path = self.path(word)?;
            let log = self.store.build_log(&path)?.ok_or_else(|| {
                let path = self.print(&path);
                Failure::message(format!("build log of derivation '{path}' is not available"))
            })?;
            self.context.console.print(log)?;
        }
        Ok(0)
    }
}

fn quote_for_shell(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in text {
        if *byte == b'\'' {
            out.extend_from_slice(b"'\\''");
        } else {
            out.push(*byte);
        }
    }
    out.push(b'\'');
}
