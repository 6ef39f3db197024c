//! `system options`: finds options, and explains one: what it is, what it is set to, and where.

use serde_json::Value;

use super::Target;
use super::target::member;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, output};

/// `system options [NAME | WORD]`.
pub static OPTIONS: Verb = Verb {
    path: &["system", "options"],
    about: "find options of a system, or explain one: value, type, every definition",
    usage: "[-f FILE | --expr EXPR | -c CONFIGURATION] [--host NAME] [--json] [NAME | WORD…]",
    only_firn: true,
    run: |context, args| run(context, args, false),
};

/// `home options [NAME | WORD]`.
pub static HOME_OPTIONS: Verb = Verb {
    path: &["home", "options"],
    about: "find options of a user's environment, or explain one",
    usage: "[-f FILE | --expr EXPR | -c CONFIGURATION] [--json] [NAME | WORD…]",
    only_firn: true,
    run: |context, args| run(context, args, true),
};

fn run(context: &mut Context, args: &mut Args, is_home: bool) -> Result<u8, Failure> {
    let mut target = Target {
        is_home,
        ..Target::default()
    };
    let mut as_json = false;
    let mut configuration = None;
    target.take_all(args, context, |flag, args| {
        match flag {
            "--json" => as_json = true,
            "-c" | "--configuration" => configuration = Some(args.value(flag)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let words = std::mem::take(&mut target.installables.words);
    target.installables.words.extend(configuration);
    let context = &*context;
    let store = context.open_store_for_reading()?;
    let found: Value = target.with(context, &store, |evaluation, system| {
        let options = member(evaluation, system, "options")?;
        let list = member(evaluation, options, "list")?;
        let text = output::json(evaluation.ctx, list, true)?;
        let list: Value = serde_json::from_slice(&text).unwrap_or_default();
        let [name] = words.as_slice() else {
            return Ok(matching(&list, &words));
        };
        if is_option_or_above(&list, name) {
            let explain = member(evaluation, options, "explain")?;
            let name = evaluation.ctx.new_str(name.as_bytes());
            let explained = evaluation.ctx.call(explain, &[name])?;
            let text = output::json(evaluation.ctx, explained, true)?;
            return Ok(serde_json::from_slice(&text).unwrap_or_default());
        }
        Ok(matching(&list, &words))
    })?;
    if as_json {
        context.console.print_line(found.to_string())?;
        return Ok(0);
    }
    match &found {
        Value::Array(options) if options.is_empty() => {
            return Err(Failure::message(format!(
                "no option has '{}' in its name or description",
                words.join("' and '")
            )));
        }
        Value::Array(options) => {
            for option in options {
                context.console.print(summary(option))?;
            }
        }
        _ => context.console.print(explanation(&found))?,
    }
    Ok(0)
}

/// Whether there is an option of this name, or options below it.
fn is_option_or_above(list: &Value, name: &str) -> bool {
    let prefix = format!("{name}.");
    let mut names = list.as_array().into_iter().flatten();
    names.any(|it| {
        let other = it["name"].as_str().unwrap_or_default();
        other == name || other.starts_with(&prefix)
    })
}

/// Options with all the words in their names or descriptions.
fn matching(list: &Value, words: &[String]) -> Value {
    let words: Vec<_> = words.iter().map(|it| it.to_lowercase()).collect();
    let options = list.as_array().into_iter().flatten();
    let found = options.filter(|option| {
        let text = |key: &str| option[key].as_str().unwrap_or_default().to_lowercase();
        let (name, description) = (text("name"), text("description"));
        words
            .iter()
            .all(|it| name.contains(it) || description.contains(it))
    });
    Value::Array(found.cloned().collect())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn summary(option: &Value) -> String {
    let description = text(option, "description").trim().replace('\n', " ");
    let first = description.split(". ").next().unwrap_or_default();
    format!(
        "{} ({})\n    {first}\n",
        text(option, "name"),
        text(option, "type")
    )
}

fn explanation(option: &Value) -> String {
    let mut shown = format!("{}\n", text(option, "name"));
    if let Some(members) = option["members"].as_array() {
        for member in members.iter().filter_map(Value::as_str) {
            shown.push_str(&format!("  {member}\n"));
        }
        return shown;
    }
    for line in text(option, "description").trim().lines() {
        shown.push_str(&format!("  {line}\n"));
    }
    shown.push('\n');
    for key in ["type", "default", "example", "value"] {
        if let Some(value) = option[key].as_str() {
            shown.push_str(&format!("{key:<9} {value}\n"));
        }
    }
    let places = |key: &str| option[key].as_array().cloned().unwrap_or_default();
    for place in places("declarations") {
        shown.push_str(&format!("declared  {}\n", place_of(&place)));
    }
    // The default is shown above; it has no place of its own.
    let is_default = |it: &Value| it["line"].is_null() && it["priority"] == 1500;
    for definition in places("definitions").iter().filter(|it| !is_default(it)) {
        let why = if definition["used"] == Value::Bool(true) {
            String::new()
        } else if definition["condition"] == Value::Bool(false) {
            " (not used: its condition is false)".to_owned()
        } else {
            format!(" (not used: priority {})", definition["priority"])
        };
        shown.push_str(&format!("defined   {}{why}\n", place_of(definition)));
    }
    shown
}

fn place_of(place: &Value) -> String {
    let file = text(place, "file");
    match (place["line"].as_u64(), place["column"].as_u64()) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        _ => file.to_owned(),
    }
}
