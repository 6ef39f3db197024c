//! `nix-build`: builds what expressions evaluate to and links to the outputs.

use std::collections::BTreeMap;
use std::path::Path;

use firn_events::Level;
use firn_store::{BuildMode, StoreError};
use firn_store_model::{DerivedPath, OutputName, OutputsSpec, SingleDerivedPath, StorePath};

use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::installables::follow_links;
use crate::packages::derivations_in;
use crate::sources::{self, Text};
use crate::{Arg, Args, Context, Failure};

struct Wanted {
    eval: EvalFlags,
    words: Vec<String>,
    attr_paths: Vec<String>,
    from_words: bool,
    from_stdin: bool,
    out_link: Option<String>,
    dry_run: bool,
    mode: BuildMode,
}

/// An output of a derivation.
type Output = (StorePath, String);

/// Runs `nix-build`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        eval: EvalFlags::default(),
        words: Vec::new(),
        attr_paths: Vec::new(),
        from_words: false,
        from_stdin: false,
        out_link: Some("./result".to_owned()),
        dry_run: false,
        mode: BuildMode::Normal,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.words.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => wanted.take(&flag, args, context)?,
        }
    }
    context.settle();
    if wanted.words.is_empty() && !wanted.from_stdin {
        wanted.words.push(".".to_owned());
    }
    if wanted.attr_paths.is_empty() {
        wanted.attr_paths.push(String::new());
    }
    let context = &*context;
    let store = context.open_store()?;
    let outputs = evaluate(context, &wanted.eval, &store, |evaluation| {
        wanted.outputs(evaluation)
    })?;
    let paths = outputs
        .iter()
        .map(|(drv, output)| {
            let output =
                OutputName::parse(output).map_err(|it| Failure::message(it.to_string()))?;
            Ok(DerivedPath::Built {
                drv: SingleDerivedPath::Opaque(drv.clone()).into(),
                outputs: OutputsSpec::one(output),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    if context.settings.interface.print_missing {
        context.say_missing(store.as_ref(), &paths, Level::Info)?;
    }
    if wanted.dry_run {
        return Ok(0);
    }
    store.build_paths(&paths, wanted.mode)?;
    let mut numbers: BTreeMap<&StorePath, usize> = BTreeMap::new();
    let mut built = Vec::new();
    for (drv, output) in &outputs {
        let next = numbers.len();
        let number = *numbers.entry(drv).or_insert(next);
        let all = store.query_derivation_output_map(drv)?;
        let path = all.iter().find(|it| it.0.as_str() == output);
        let path = path.and_then(|it| it.1.clone()).ok_or_else(|| {
            let drv = store.store_dir().print(drv);
            Failure::message(format!(
                "derivation '{drv}' does not have output '{output}'"
            ))
        })?;
        if let Some(link) = &wanted.out_link {
            let link = link_name(link, number, output);
            match store.add_perm_root(&path, Path::new(&link)) {
                // A store elsewhere has nothing to link to.
                Err(StoreError::Unsupported { .. }) => {}
                added => drop(added?),
            }
        }
        built.push(path);
    }
    for path in built {
        context.console.print_line(store.store_dir().print(&path))?;
    }
    Ok(0)
}

/// The name of the link to an output: `result`, `result-2`, `result-2-dev`.
pub fn link_name(prefix: &str, number: usize, output: &str) -> String {
    let mut name = sources::absolute(prefix).path.to_string();
    if number > 0 {
        name.push_str(&format!("-{}", number + 1));
    }
    if output != "out" {
        name.push('-');
        name.push_str(output);
    }
    name
}

impl Wanted {
    fn take(&mut self, flag: &str, args: &mut Args, context: &mut Context) -> Result<(), Failure> {
        match flag {
            "-" => self.from_stdin = true,
            "--add-drv-link" | "--indirect" => {}
            "--no-out-link" | "--no-link" => self.out_link = None,
            "-A" | "--attr" => self.attr_paths.push(args.plain_value(flag)?),
            "--drv-link" => drop(args.plain_value(flag)?),
            "-o" | "--out-link" => self.out_link = Some(args.plain_value(flag)?),
            "--dry-run" => self.dry_run = true,
            "--check" => self.mode = BuildMode::Check,
            "--repair" => self.mode = BuildMode::Repair,
            "-E" | "--expr" => self.from_words = true,
            _ => {
                if !self.eval.take(flag, args, context)? {
                    context.take_common(flag, args)?;
                }
            }
        }
        Ok(())
    }

    fn outputs(&self, evaluation: &mut Evaluation<'_, '_>) -> Result<Vec<Output>, Stop> {
        let mut outputs = Vec::new();
        let store = std::sync::Arc::clone(evaluation.host.store());
        let args = evaluation.auto_args()?;
        let mut texts = Vec::new();
        if self.from_stdin {
            texts.push(Text::of_stdin()?);
        }
        for word in &self.words {
            if self.from_words {
                texts.push(Text::of_words(word));
                continue;
            }
            let (path, output) = word.split_once('!').unwrap_or((word, "out"));
            match follow_links(store.as_ref(), path)? {
                Some(drv) if drv.is_derivation() => {
                    if output.contains(',') {
                        let drv = store.store_dir().print(&drv);
                        let text = format!(
                            "building more than one derivation output is not supported, in '{drv}!{output}'"
                        );
                        return Err(Failure::message(text).into());
                    }
                    let known = store.query_derivation_output_map(&drv)?;
                    if !known.iter().any(|it| it.0.as_str() == output) {
                        let drv = store.store_dir().print(&drv);
                        let text = format!("derivation '{drv}' does not have output '{output}'");
                        return Err(Failure::message(text).into());
                    }
                    outputs.push((drv, output.to_owned()));
                }
                _ => texts.push(evaluation.text_of_file(word)?),
            }
        }
        for text in texts {
            let root = evaluation.value_of_text(&text)?;
            for path in &self.attr_paths {
                let ctx = &mut *evaluation.ctx;
                let (value, _) = ctx.find_along_path(path.as_bytes(), args, root)?;
                for package in derivations_in(ctx, value, args)? {
                    let drv = package.required_drv_path(ctx)?;
                    let output = package.output_name(ctx)?;
                    if output.is_empty() {
                        let message = format!("derivation '{drv}' lacks an 'outputName' attribute");
                        return Err(Failure::message(message).into());
                    }
                    let drv = store
                        .store_dir()
                        .parse(&drv)
                        .map_err(|it| Failure::message(it.to_string()))?;
                    outputs.push((drv, output));
                }
            }
        }
        Ok(outputs)
    }
}
