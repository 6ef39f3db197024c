//! `registry …`: which flakes names stand for.

use std::path::PathBuf;
use std::sync::Arc;

use firn_fetch::{Attrs, Fetcher, Registry, RegistryKind, UseRegistries, attrs};
use firn_flake::{FlakeRef, RefOptions};

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources, surroundings};

/// `registry list`.
pub static LIST: Verb = Verb {
    path: &["registry", "list"],
    about: "list the flakes that have names",
    usage: "",
    only_firn: false,
    run: list,
};

/// `registry add NAME FLAKE`.
pub static ADD: Verb = Verb {
    path: &["registry", "add"],
    about: "give a flake a name",
    usage: "[--registry FILE] NAME FLAKE",
    only_firn: false,
    run: add,
};

/// `registry remove NAME`.
pub static REMOVE: Verb = Verb {
    path: &["registry", "remove"],
    about: "take a name away",
    usage: "[--registry FILE] NAME",
    only_firn: false,
    run: remove,
};

/// `registry pin NAME [FLAKE]`.
pub static PIN: Verb = Verb {
    path: &["registry", "pin"],
    about: "give a name to a flake as it is now",
    usage: "[--registry FILE] NAME [FLAKE]",
    only_firn: false,
    run: pin,
};

/// `registry resolve NAME…`.
pub static RESOLVE: Verb = Verb {
    path: &["registry", "resolve"],
    about: "show what names stand for",
    usage: "NAME…",
    only_firn: false,
    run: resolve,
};

/// Words, and the file to work on.
struct Wanted {
    words: Vec<String>,
    file: Option<PathBuf>,
}

fn parse(context: &mut Context, args: &mut Args) -> Result<Wanted, Failure> {
    let mut wanted = Wanted {
        words: Vec::new(),
        file: None,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.words.push(word),
            Arg::Flag(flag) if flag == "--registry" => {
                let file = sources::absolute(&args.value(&flag)?);
                wanted.file = Some(sources::on_disk(&file));
            }
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    Ok(wanted)
}

impl Wanted {
    fn path(&self) -> PathBuf {
        let user = || surroundings::config_dir().join("registry.json");
        self.file.clone().unwrap_or_else(user)
    }

    fn registry(&self, fetcher: &Fetcher) -> Registry {
        let kind = if self.file.is_some() {
            RegistryKind::Custom
        } else {
            RegistryKind::User
        };
        Registry::read(fetcher, &self.path(), kind)
    }

    fn words<const N: usize>(&self) -> Result<&[String; N], Failure> {
        if let Some(word) = self.words.get(N) {
            return Err(Failure::unexpected(word));
        }
        let words = self.words.as_slice().try_into();
        words.map_err(|_| Failure::usage("more arguments are required"))
    }
}

fn fetcher_of(context: &Context) -> Result<Arc<Fetcher>, Failure> {
    Ok(context.fetcher(&context.open_store()?))
}

fn reference(fetcher: &Fetcher, text: &str) -> Result<FlakeRef, Failure> {
    Ok(FlakeRef::parse(fetcher, text, RefOptions::default())?)
}

fn extra_of(reference: &FlakeRef) -> Attrs {
    let mut extra = Attrs::new();
    if !reference.subdir.is_empty() {
        extra.insert("dir".to_owned(), reference.subdir.as_str().into());
    }
    extra
}

fn list(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    parse(context, args)?.words::<0>()?;
    let fetcher = fetcher_of(context)?;
    for registry in fetcher.registries()? {
        for entry in &registry.entries {
            let to = FlakeRef {
                input: entry.to.clone(),
                subdir: attrs::maybe_str(&entry.extra, "dir")?
                    .unwrap_or("")
                    .to_owned(),
            };
            let kind = registry.kind.name();
            let line = format!("{kind:<6} {} {to}", entry.from.show());
            context.console.print_line(line)?;
        }
    }
    Ok(0)
}

fn add(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = parse(context, args)?;
    let [from, to] = wanted.words()?;
    let fetcher = fetcher_of(context)?;
    let (from, to) = (reference(&fetcher, from)?, reference(&fetcher, to)?);
    let mut registry = wanted.registry(&fetcher);
    registry.remove(&from.input);
    let extra = extra_of(&to);
    registry.add(from.input, to.input, extra);
    registry.write(&wanted.path())?;
    Ok(0)
}

fn remove(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = parse(context, args)?;
    let [name] = wanted.words()?;
    let fetcher = fetcher_of(context)?;
    let mut registry = wanted.registry(&fetcher);
    registry.remove(&reference(&fetcher, name)?.input);
    registry.write(&wanted.path())?;
    Ok(0)
}

fn pin(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = parse(context, args)?;
    if let [name] = wanted.words.as_slice() {
        wanted.words.push(name.clone());
    }
    let [name, locked] = wanted.words()?;
    let fetcher = fetcher_of(context)?;
    let (name, locked) = (reference(&fetcher, name)?, reference(&fetcher, locked)?);
    let resolved = locked.resolve(&fetcher, UseRegistries::All)?;
    let mut input = fetcher.fetch(&resolved.input, UseRegistries::No)?.input;
    if !input.is_locked(&fetcher) {
        context
            .console
            .warn(&format!("flake '{}' is not locked", input.show()));
    }
    if resolved.input.nar_hash()?.is_none() && !matches!(input.kind()?, "file" | "tarball") {
        input.attrs.remove("narHash");
    }
    let mut registry = wanted.registry(&fetcher);
    registry.remove(&name.input);
    let extra = extra_of(&name);
    registry.add(name.input, input, extra);
    registry.write(&wanted.path())?;
    Ok(0)
}

fn resolve(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = parse(context, args)?;
    let fetcher = fetcher_of(context)?;
    for word in &wanted.words {
        let resolved = reference(&fetcher, word)?.resolve(&fetcher, UseRegistries::All)?;
        context.console.print_line(resolved.to_string())?;
    }
    Ok(0)
}
