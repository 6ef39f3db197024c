//! The operations of `nix-env` that make a new generation: install, upgrade, uninstall, set.
//!
//! What is installed is read, changed and built without a lock. If the profile leads elsewhere by
//! then, somebody else changed it, and all is done again from what is installed now.

use std::collections::BTreeSet;

use firn_events::Level;
use firn_profile::{
    BuildRequest, Element, PackageName, Selector, UpgradeRule, best_upgrade, compare_versions,
    create_user_environment, is_prebuilt, profile_token,
};
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath};

use super::choose::{Source, is_path};
use super::{Request, Work, flag_value, unknown_flag};
use crate::Failure;
use crate::evaluation::Stop;

/// `--install`.
pub(super) struct Install {
    source: Source,
    keeps_namesakes: bool,
    removes_others: bool,
    priority: Option<i32>,
}

impl Install {
    pub(super) fn read(request: &mut Request) -> Result<Self, Failure> {
        let mut wanted = Self {
            source: Source::default(),
            keeps_namesakes: false,
            removes_others: false,
            priority: None,
        };
        let flags = &mut request.flags;
        while let Some(flag) = flags.pop_front() {
            match flag.as_str() {
                "--preserve-installed" | "-P" => wanted.keeps_namesakes = true,
                "--remove-all" | "-r" => wanted.removes_others = true,
                "--priority" => {
                    let value = flag_value(flags, &flag)?.parse();
                    let value = value
                        .map_err(|_| Failure::usage("'--priority' requires an integer argument"))?;
                    wanted.priority = Some(value);
                }
                _ if wanted.source.take(&flag, flags)? => {}
                _ => return Err(unknown_flag(&flag)),
            }
        }
        Ok(wanted)
    }

    pub(super) fn run(&self, work: &mut Work<'_, '_, '_>) -> Result<(), Stop> {
        let mut new = Vec::new();
        for element in work.choose(&self.source, true)? {
            let ctx = &mut *work.evaluation.ctx;
            if !work.request.only_prebuilt || is_prebuilt(ctx, &*work.store, &element)? {
                new.push(element);
            }
        }
        let mut names = BTreeSet::new();
        for element in &mut new {
            if !work.request.forced_name.is_empty() {
                element.name.clone_from(&work.request.forced_name);
            }
            if let Some(priority) = self.priority {
                element.set_flag(work.evaluation.ctx, "priority", &priority.to_string());
            }
            names.insert(PackageName::parse(&element.name).name);
        }
        loop {
            let token = profile_token(&work.request.profile);
            let mut all = new.clone();
            if !self.removes_others {
                for element in work.installed()? {
                    let name = PackageName::parse(&element.name).name;
                    let is_replaced = !self.keeps_namesakes
                        && names.contains(&name)
                        && !element.is_kept(work.evaluation.ctx)?;
                    if is_replaced {
                        work.inform(&format!("replacing old '{}'", element.name));
                    } else {
                        all.push(element);
                    }
                }
                for element in &new {
                    work.inform(&format!("installing '{}'", element.name));
                }
            }
            work.say_missing(&new)?;
            if work.request.is_dry_run || work.create(&all, token.as_ref())? {
                return Ok(());
            }
        }
    }
}

/// `--upgrade`.
pub(super) struct Upgrade {
    source: Source,
    rule: UpgradeRule,
}

impl Upgrade {
    pub(super) fn read(request: &mut Request) -> Result<Self, Failure> {
        let mut wanted = Self {
            source: Source::default(),
            rule: UpgradeRule::Newer,
        };
        let flags = &mut request.flags;
        while let Some(flag) = flags.pop_front() {
            match flag.as_str() {
                "--lt" => wanted.rule = UpgradeRule::Newer,
                "--leq" => wanted.rule = UpgradeRule::NewerOrSame,
                "--eq" => wanted.rule = UpgradeRule::Same,
                "--always" => wanted.rule = UpgradeRule::Any,
                _ if wanted.source.take(&flag, flags)? => {}
                _ => return Err(unknown_flag(&flag)),
            }
        }
        Ok(wanted)
    }

    pub(super) fn run(&self, work: &mut Work<'_, '_, '_>) -> Result<(), Stop> {
        loop {
            let token = profile_token(&work.request.profile);
            let installed = work.installed()?;
            let available = work.choose(&self.source, false)?;
            let mut new = Vec::new();
            for element in installed {
                let name = element.name.clone();
                match self.upgraded(work, element, &available) {
                    Ok(element) => new.push(element),
                    Err(Stop::Evaluation(fail)) => {
                        let doing = format!("while trying to find an upgrade for '{name}'");
                        return Err(work.evaluation.ctx.trace(fail, None, doing).into());
                    }
                    Err(stop) => return Err(stop),
                }
            }
            work.say_missing(&new)?;
            if work.request.is_dry_run || work.create(&new, token.as_ref())? {
                return Ok(());
            }
        }
    }

    /// What is to be installed in place of a package; it stays if nothing is better.
    fn upgraded<'h>(
        &self,
        work: &mut Work<'_, '_, 'h>,
        old: Element<'h>,
        available: &[Element<'h>],
    ) -> Result<Element<'h>, Stop> {
        let ctx = &mut *work.evaluation.ctx;
        if old.is_kept(ctx)? {
            return Ok(old);
        }
        let only_prebuilt = work.request.only_prebuilt;
        let store = &*work.store;
        let best = best_upgrade(ctx, &old, available, self.rule, |ctx, element| {
            Ok(!only_prebuilt || is_prebuilt(ctx, store, element)?)
        })?;
        let Some(best) = best.map(|it| &available[it]) else {
            return Ok(old);
        };
        let store_dir = store.store_dir();
        if old.out_path(ctx, store_dir)? == best.out_path(ctx, store_dir)? {
            return Ok(old);
        }
        let version = |name: &str| PackageName::parse(name).version;
        let order = compare_versions(&version(&old.name), &version(&best.name));
        let action = if order.is_le() {
            "upgrading"
        } else {
            "downgrading"
        };
        work.inform(&format!("{action} '{}' to '{}'", old.name, best.name));
        Ok(best.clone())
    }
}

/// `--set`: the profile becomes one package.
pub(super) fn set(work: &mut Work<'_, '_, '_>, source: &Source) -> Result<(), Stop> {
    let chosen = work.choose(source, true)?;
    let [element] = chosen.as_slice() else {
        return Err(Failure::message("--set requires exactly one derivation").into());
    };
    let store_dir = work.store.store_dir().clone();
    let ctx = &mut *work.evaluation.ctx;
    let path = target(ctx, &store_dir, element)?;
    let out = element.out_path(ctx, &store_dir)?;
    work.evaluation.host.flush()?;
    let context = work.evaluation.context;
    let paths = [path];
    context.say_missing(&*work.store, &paths, Level::Info)?;
    if work.request.is_dry_run {
        return Ok(());
    }
    work.store.build_paths(&paths, work.request.mode)?;
    let profile = &work.request.profile;
    let _lock = profile.lock(&*work.events)?;
    let generation = profile.create_generation(&*work.store, &out)?;
    profile.switch_to(&generation.link)?;
    Ok(())
}

/// What building a package comes to.
fn target<'h>(
    ctx: &mut firn_eval::Ctx<'h>,
    store_dir: &firn_store_model::StoreDir,
    element: &Element<'h>,
) -> Result<DerivedPath, firn_eval::Fail> {
    Ok(match element.drv_path(ctx, store_dir)? {
        Some(drv) => DerivedPath::Built {
            drv: SingleDerivedPath::Opaque(drv).into(),
            outputs: OutputsSpec::All,
        },
        None => DerivedPath::Opaque(element.out_path(ctx, store_dir)?),
    })
}

/// `--uninstall`.
pub(super) fn uninstall(work: &mut Work<'_, '_, '_>) -> Result<(), Stop> {
    loop {
        let token = profile_token(&work.request.profile);
        let mut left = work.installed()?;
        for word in &work.request.words {
            let mut kept = Vec::new();
            let mut removed = Vec::new();
            if is_path(word) {
                let path = work.store_path(word)?;
                let store_dir = work.store.store_dir().clone();
                for element in left {
                    let is_meant = element.out_path(work.evaluation.ctx, &store_dir)? == path;
                    (if is_meant { &mut removed } else { &mut kept }).push(element);
                }
            } else {
                let selector = Selector::parse(word).map_err(Failure::message)?;
                for element in left {
                    let is_meant = selector.matches(&PackageName::parse(&element.name));
                    (if is_meant { &mut removed } else { &mut kept }).push(element);
                }
            }
            if removed.is_empty() {
                let console = work.evaluation.context.console;
                console.warn(&format!(
                    "selector '{word}' matched no installed derivations"
                ));
            }
            for element in removed {
                work.inform(&format!("uninstalling '{}'", element.name));
            }
            left = kept;
        }
        if work.request.is_dry_run || work.create(&left, token.as_ref())? {
            return Ok(());
        }
    }
}

/// `--set-flag`.
pub(super) fn set_flag(
    work: &mut Work<'_, '_, '_>,
    name: &str,
    value: &str,
    words: &[String],
) -> Result<(), Stop> {
    let selectors = words
        .iter()
        .map(|word| Selector::parse(word).map_err(Failure::message))
        .collect::<Result<Vec<_>, _>>()?;
    loop {
        let token = profile_token(&work.request.profile);
        let mut all = work.installed()?;
        let mut used = vec![false; selectors.len()];
        for element in &mut all {
            let package = PackageName::parse(&element.name);
            let Some(number) = selectors.iter().position(|it| it.matches(&package)) else {
                continue;
            };
            work.inform(&format!("setting flag on '{}'", element.name));
            used[number] = true;
            element.set_flag(work.evaluation.ctx, name, value);
        }
        let mut unused = selectors.iter().zip(used);
        if let Some((selector, _)) = unused.find(|(it, used)| !used && !it.is_everything()) {
            let name = &selector.name.full;
            let message = format!("selector '{name}' matches no derivations");
            return Err(Failure::message(message).into());
        }
        if work.create(&all, token.as_ref())? {
            return Ok(());
        }
    }
}

impl<'h> Work<'_, '_, 'h> {
    /// Says what of some packages will be built and fetched.
    fn say_missing(&mut self, elements: &[Element<'h>]) -> Result<(), Stop> {
        let context = self.evaluation.context;
        if context.console.level() < Level::Info {
            return Ok(());
        }
        let store_dir = self.store.store_dir().clone();
        let mut paths = Vec::new();
        for element in elements {
            paths.push(target(self.evaluation.ctx, &store_dir, element)?);
        }
        self.evaluation.host.flush()?;
        Ok(context.say_missing(&*self.store, &paths, Level::Info)?)
    }

    /// Makes the profile an environment of some packages; tells whether nobody else changed it.
    fn create(
        &mut self,
        elements: &[Element<'h>],
        token: Option<&std::path::PathBuf>,
    ) -> Result<bool, Stop> {
        let settings = &self.evaluation.context.settings;
        let build = BuildRequest {
            profile: &self.request.profile,
            keep_derivations: settings.store.keep_env_derivations,
            mode: self.request.mode,
            token,
        };
        let host = self.evaluation.host;
        let ctx = &mut *self.evaluation.ctx;
        Ok(create_user_environment(
            ctx,
            host,
            elements,
            &build,
            &*self.events,
        )?)
    }
}
