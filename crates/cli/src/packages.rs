//! Derivations in a value, and what is asked of them by those who build.

use firn_eval::{Ctx, ErrorKind, Fail, Symbol, Val};
use firn_store_model::DERIVATION_EXTENSION;

use crate::evaluation::{AutoArgs, Stop};

/// A derivation that was found.
#[derive(Clone, Copy)]
pub struct Package<'h> {
    /// Its set.
    pub value: Val<'h>,
}

/// Finds derivations; what fails is an error.
pub fn derivations_in<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    args: AutoArgs<'h>,
) -> Result<Vec<Package<'h>>, Stop> {
    let found = firn_profile::derivations_in(ctx, value, "", args, false)?;
    Ok(found
        .into_iter()
        .map(|it| Package { value: it.set })
        .collect())
}

impl<'h> Package<'h> {
    fn attribute(self, name: &str) -> Option<Val<'h>> {
        self.value.as_set()?.get(Symbol::find(name.as_bytes())?)
    }

    fn string(
        self,
        ctx: &mut Ctx<'h>,
        attribute: &str,
        doing: &'static str,
    ) -> Result<Option<String>, Fail> {
        let Some(value) = self.attribute(attribute) else {
            return Ok(None);
        };
        let text = ctx.str(value, doing)?;
        Ok(Some(String::from_utf8_lossy(text.bytes()).into_owned()))
    }

    /// The program that running it means: what its `meta` says, or its name without a version.
    pub fn main_program(self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        let doing = "while looking for the program of a package";
        if let Some(meta) = self.attribute("meta") {
            let meta = Package {
                value: ctx.force(meta)?,
            };
            if let Some(name) = meta.string(ctx, "mainProgram", doing)? {
                return Ok(name);
            }
        }
        if let Some(name) = self.string(ctx, "pname", doing)? {
            return Ok(name);
        }
        let name = self.name(ctx)?;
        Ok(crate::commands::run::program_name(&name))
    }

    /// Its name.
    pub fn name(self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        let name = self.string(
            ctx,
            "name",
            "while evaluating the 'name' attribute of a derivation",
        )?;
        name.ok_or_else(|| ctx.error(ErrorKind::Type, "derivation name missing"))
    }

    /// The path of its derivation.
    pub fn drv_path(self, ctx: &mut Ctx<'h>) -> Result<Option<String>, Fail> {
        self.string(
            ctx,
            "drvPath",
            "while evaluating the 'drvPath' attribute of a derivation",
        )
    }

    /// The path of its derivation, which it must have.
    pub fn required_drv_path(self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        let path = self.drv_path(ctx)?;
        let path = path.ok_or_else(|| {
            ctx.error(
                ErrorKind::Eval,
                "derivation does not contain a 'drvPath' attribute",
            )
        })?;
        if !path.ends_with(DERIVATION_EXTENSION) {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let message = format!("store path '{name}' is not a valid derivation path");
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        Ok(path)
    }

    /// The names of its outputs, `out` if it does not say.
    pub fn outputs(self, ctx: &mut Ctx<'h>) -> Result<Vec<String>, Fail> {
        let Some(names) = self.attribute("outputs") else {
            return Ok(vec!["out".to_owned()]);
        };
        strings_of(
            ctx,
            names,
            "while evaluating the 'outputs' attribute of a derivation",
            "while evaluating the name of an output of a derivation",
        )
    }

    /// The outputs that are wanted where nobody names any: the one it was selected as, those that
    /// its description lists, or all.
    pub fn outputs_to_install(self, ctx: &mut Ctx<'h>) -> Result<Vec<String>, Fail> {
        if let Some(chosen) = self.attribute("outputSpecified")
            && ctx.bool(
                chosen,
                "while evaluating the 'outputSpecified' attribute of a derivation",
            )?
        {
            let name = self.output_name(ctx)?;
            return Ok(vec![if name.is_empty() {
                "out".to_owned()
            } else {
                name
            }]);
        }
        let meta = match self.attribute("meta") {
            Some(meta) => Some(ctx.attrs(
                meta,
                "while evaluating the 'meta' attribute of a derivation",
            )?),
            None => None,
        };
        let wanted = meta.and_then(|it| it.get(Symbol::intern(b"outputsToInstall")));
        match wanted {
            Some(list) => strings_of(
                ctx,
                list,
                "while evaluating 'meta.outputsToInstall'",
                "while evaluating the name of an output to install",
            ),
            None => self.outputs(ctx),
        }
    }

    /// The output that it stands for; empty if it does not say.
    pub fn output_name(self, ctx: &mut Ctx<'h>) -> Result<String, Fail> {
        let name = self.string(
            ctx,
            "outputName",
            "while evaluating the output name of a derivation",
        )?;
        Ok(name.unwrap_or_default())
    }
}

/// The strings of a list.
fn strings_of<'h>(
    ctx: &mut Ctx<'h>,
    list: Val<'h>,
    doing: &'static str,
    doing_one: &'static str,
) -> Result<Vec<String>, Fail> {
    let mut names = Vec::new();
    for &name in ctx.list(list, doing)? {
        let name = ctx.str(name, doing_one)?;
        names.push(String::from_utf8_lossy(name.bytes()).into_owned());
    }
    Ok(names)
}
