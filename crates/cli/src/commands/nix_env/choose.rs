//! Which packages are meant: by name among all of an expression, by attribute, by a function of the
//! expression, by store path, or as another profile has them.

use std::collections::VecDeque;

use firn_eval::Fail;
use firn_profile::{Element, by_selectors, elements_in, installed, load_expressions};
use firn_store_model::StorePath;

use super::{Work, flag_value, unknown_flag};
use crate::Failure;
use crate::evaluation::Stop;
use crate::installables::follow_links;
use crate::profiles::profile_at;
use crate::sources::Text;

/// Where the packages that words name come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Words are selectors, or store paths if the first looks like one.
    #[default]
    Names,
    /// Words are attribute paths.
    Attributes,
    /// Words are functions of the expression.
    Functions,
    /// Words are selectors for what a profile has.
    Profile(String),
}

impl Source {
    /// Handles a flag if it is about this.
    pub(super) fn take(
        &mut self,
        flag: &str,
        flags: &mut VecDeque<String>,
    ) -> Result<bool, Failure> {
        match flag {
            "--from-expression" | "-E" => *self = Self::Functions,
            "--from-profile" => *self = Self::Profile(flag_value(flags, flag)?),
            "--attr" | "-A" => *self = Self::Attributes,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads flags that may be about nothing else.
    pub(super) fn read_all(flags: &mut VecDeque<String>) -> Result<Self, Failure> {
        let mut source = Self::default();
        while let Some(flag) = flags.pop_front() {
            if !source.take(&flag, flags)? {
                return Err(unknown_flag(&flag));
            }
        }
        Ok(source)
    }
}

/// Whether a word is a path rather than a name.
pub(super) fn is_path(word: &str) -> bool {
    word.contains('/')
}

impl<'h> Work<'_, '_, 'h> {
    /// The packages that the words name.
    pub(super) fn choose(
        &mut self,
        source: &Source,
        newest_only: bool,
    ) -> Result<Vec<Element<'h>>, Stop> {
        let words = &self.request.words;
        match source {
            Source::Names if words.first().is_some_and(|it| is_path(it)) => {
                words.iter().map(|word| self.path(word)).collect()
            }
            Source::Names => {
                let all = self.available("")?;
                Ok(self.select(&all, words, newest_only)?)
            }
            Source::Attributes => {
                let args = self.evaluation.auto_args()?;
                let ctx = &mut *self.evaluation.ctx;
                let root = load_expressions(ctx, &self.expressions, &*self.events)?;
                let mut found = Vec::new();
                for word in words {
                    let (value, _) = ctx.find_along_path(word.as_bytes(), args, root)?;
                    found.extend(elements_in(ctx, value, "", args)?);
                }
                Ok(found)
            }
            Source::Functions => {
                let args = self.evaluation.auto_args()?;
                let ctx = &mut *self.evaluation.ctx;
                let root = load_expressions(ctx, &self.expressions, &*self.events)?;
                let mut found = Vec::new();
                for word in words {
                    let function = self.evaluation.value_of_text(&Text::of_words(word))?;
                    let ctx = &mut *self.evaluation.ctx;
                    ctx.pin(function);
                    let value = ctx.call(function, &[root])?;
                    ctx.pin(value);
                    found.extend(elements_in(ctx, value, "", args)?);
                }
                Ok(found)
            }
            Source::Profile(place) => {
                let profile = profile_at(place);
                let ctx = &mut *self.evaluation.ctx;
                let all = installed(ctx, &*self.store, profile.link())?;
                Ok(self.select(&all, words, newest_only)?)
            }
        }
    }

    /// All packages below an attribute path that are for the system in question.
    pub(super) fn available(&mut self, attr_path: &str) -> Result<Vec<Element<'h>>, Stop> {
        let args = self.evaluation.auto_args()?;
        let ctx = &mut *self.evaluation.ctx;
        let root = load_expressions(ctx, &self.expressions, &*self.events)?;
        let (value, _) = ctx.find_along_path(attr_path.as_bytes(), args, root)?;
        let mut found = elements_in(ctx, value, attr_path, args)?;
        let system = &self.request.system_filter;
        if system != "*" {
            let mut fitting = Vec::new();
            for element in found {
                if element.system(ctx)? == *system {
                    fitting.push(element);
                }
            }
            found = fitting;
        }
        Ok(found)
    }

    /// Those of some packages that words select.
    pub(super) fn select(
        &mut self,
        all: &[Element<'h>],
        words: &[String],
        newest_only: bool,
    ) -> Result<Vec<Element<'h>>, Fail> {
        let system = &self.evaluation.context.settings.build.system;
        let ctx = &mut *self.evaluation.ctx;
        by_selectors(ctx, all, words, newest_only, system, &*self.events)
    }

    /// What is installed.
    pub(super) fn installed(&mut self) -> Result<Vec<Element<'h>>, Stop> {
        let profile = self.request.profile.link();
        Ok(installed(self.evaluation.ctx, &*self.store, profile)?)
    }

    /// The store path that a word names.
    pub(super) fn store_path(&self, word: &str) -> Result<StorePath, Failure> {
        let found = follow_links(&*self.store, word)?;
        found.ok_or_else(|| Failure::message(format!("path '{word}' is not in the Nix store")))
    }

    fn path(&self, word: &str) -> Result<Element<'h>, Stop> {
        let path = self.store_path(word)?;
        let name = path.name().to_owned();
        if !path.is_derivation() {
            return Ok(Element::of_path(name, path, None));
        }
        let outputs = self.store.query_derivation_output_map(&path)?;
        let out = outputs.into_iter().find(|it| it.0.is_out());
        let out = out.and_then(|it| it.1).ok_or_else(|| {
            let shown = self.store.store_dir().print(&path);
            Failure::message(format!(
                "derivation '{shown}' has no output 'out' with a path"
            ))
        })?;
        Ok(Element::of_path(name, out, Some(path)))
    }
}
