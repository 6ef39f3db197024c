//! Commands of the prompt that reach beyond the language: builds, logs, shells, the editor.

use std::path::Path;
use std::process::Command as Process;

use firn_eval::{Ctx, Val};
use firn_store::BuildMode;
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};

use super::session::Session;
use crate::evaluation::{Evaluation, Stop};
use crate::packages::Package;
use crate::{Failure, sources, surroundings};

impl<'h> Session<'_, 'h> {
    /// The derivation that an expression is, written to the store.
    fn derivation(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<StorePath, Stop> {
        let value = self.value(evaluation, text)?;
        derivation_of(evaluation, value)
    }

    /// The derivation of an expression as other programs take it.
    fn derivation_text(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<String, Stop> {
        let path = self.derivation(evaluation, text)?;
        Ok(evaluation.host.store().store_dir().print(&path))
    }

    pub(super) fn build(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
        with_links: bool,
    ) -> Result<(), Stop> {
        let drv = self.derivation(evaluation, text)?;
        let store = evaluation.host.store();
        let wanted = DerivedPath::Built {
            drv: SingleDerivedPath::Opaque(drv.clone()).into(),
            outputs: OutputsSpec::All,
        };
        store.build_paths(&[wanted], BuildMode::Normal)?;
        let console = evaluation.context.console;
        console.print_line("\nThis derivation produced the following outputs:")?;
        for (name, path) in store.query_derivation_output_map(&drv)? {
            let Some(path) = path else { continue };
            let shown = store.store_dir().print(&path);
            if with_links {
                let link = format!("repl-result-{name}");
                let place = sources::absolute(&link).path.to_string();
                store.add_perm_root(&path, Path::new(&place))?;
                console.print_line(format!("  ./{link} -> {shown}"))?;
            } else {
                console.print_line(format!("  {name} -> {shown}"))?;
            }
        }
        Ok(())
    }

    pub(super) fn log(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<(), Stop> {
        let path = self.derivation(evaluation, text)?;
        let store = evaluation.host.store();
        let log = store.build_log(&path)?.ok_or_else(|| {
            let path = store.store_dir().print(&path);
            Failure::message(format!("build log of '{path}' is not available"))
        })?;
        evaluation.context.console.print(log)?;
        Ok(())
    }

    pub(super) fn install(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<(), Stop> {
        let path = self.derivation_text(evaluation, text)?;
        run_own("nix-env", &["-i", &path])
    }

    pub(super) fn shell(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<(), Stop> {
        let path = self.derivation_text(evaluation, text)?;
        run_own("nix-shell", &[&path])
    }

    /// Opens a shell that has a package among its inputs.
    pub(super) fn use_package(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<(), Stop> {
        const SHELL: &str =
            "drv: (import <nixpkgs> { }).runCommand \"shell\" { buildInputs = [ drv ]; } \"\"";
        let package = self.value(evaluation, text)?;
        let function = self.value(evaluation, SHELL)?;
        let shell = evaluation.ctx.call(function, &[package])?;
        let path = derivation_of(evaluation, shell)?;
        let path = evaluation.host.store().store_dir().print(&path);
        run_own("nix-shell", &[&path])
    }

    /// Opens the place where a value comes from in the user's editor, and waits.
    pub(super) fn edit(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<(), Stop> {
        let value = self.value(evaluation, text)?;
        let (file, line) = place_to_edit(evaluation.ctx, value)?;
        let editor = surroundings::filled("EDITOR").unwrap_or_else(|| "cat".to_owned());
        let mut words = editor.split_whitespace();
        let Some(program) = words.next() else {
            return Err(Failure::message("'EDITOR' names no program").into());
        };
        let mut process = Process::new(program);
        process.args(words);
        let takes_line = ["emacs", "nano", "vi", "kak", "hx"]
            .iter()
            .any(|it| program.contains(it));
        if line > 0 && takes_line {
            process.arg(format!("+{line}"));
        }
        process.arg(&file);
        wait_for(process, program)
    }
}

fn derivation_of<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
) -> Result<StorePath, Stop> {
    if !evaluation.ctx.is_derivation(value)? {
        let text = "expression does not evaluate to a derivation, so I can't build it";
        return Err(Failure::message(text).into());
    }
    let path = Package { value }.required_drv_path(evaluation.ctx)?;
    evaluation.host.flush()?;
    let store_dir = evaluation.host.store().store_dir();
    let path = store_dir.parse(&path);
    Ok(path.map_err(|it| Failure::message(it.to_string()))?)
}

/// The file and line to open for a value: its own path, where a function was written, or what a
/// package says about its position.
fn place_to_edit<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<(String, u32), Stop> {
    if let Some(view) = ctx.lambda_view(value) {
        let place = view.place.and_then(|it| Some((it, ctx.place_path(it)?)));
        let Some((place, path)) = place else {
            return Err(Failure::message("this function was not written in a file").into());
        };
        let line = ctx
            .files()
            .file(place.file)
            .lines()
            .line_column(place.offset);
        return Ok((path.path.to_string(), line.line));
    }
    if value.as_set().is_some() {
        let meta = ctx.select_optional(value, &["meta", "position"])?;
        let position = meta.and_then(|it| {
            let text = it.as_str()?;
            Some(String::from_utf8_lossy(text.bytes()).into_owned())
        });
        let Some(position) = position else {
            let text = "cannot find the 'meta.position' attribute of the package";
            return Err(Failure::message(text).into());
        };
        let (file, line) = position.rsplit_once(':').unwrap_or((&position, "0"));
        return Ok((file.to_owned(), line.parse().unwrap_or(0)));
    }
    let (path, _) = ctx.coerce_path(value, "while evaluating the filename to edit")?;
    Ok((path.path.to_string(), 0))
}

/// Runs this program under another of its names and waits.
fn run_own(name: &str, args: &[&str]) -> Result<(), Stop> {
    use std::os::unix::process::CommandExt as _;
    let program = std::env::current_exe()?;
    let mut process = Process::new(program);
    process.arg0(name).args(args);
    wait_for(process, name)
}

fn wait_for(mut process: Process, name: &str) -> Result<(), Stop> {
    match process.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::message(format!("program '{name}' failed: {status}")).into()),
        Err(error) => Err(Failure::message(format!("cannot run '{name}': {error}")).into()),
    }
}
