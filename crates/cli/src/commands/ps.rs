//! `ps`: what is being built in a store right now, by whichever process.

use std::time::Duration;

use firn_build::{RunningBuildInfo, running_builds};
use serde_json::{Value, json};

use crate::progress::picture::{name_of, render_time};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `ps`.
pub static PS: Verb = Verb {
    path: &["ps"],
    about: "list the builds that are running",
    usage: "[--json]",
    only_firn: true,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut as_json = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "--json" => as_json = true,
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let store = context.open_local_store()?;
    let state_dir = &store.location().state_dir;
    let builds = running_builds(state_dir)
        .map_err(|error| Failure::message(format!("reading '{}': {error}", state_dir.display())))?;
    if as_json {
        let shown: Vec<Value> = builds.iter().map(shown).collect();
        context.console.print_line(Value::from(shown).to_string())?;
        return Ok(0);
    }
    let mut text = format!("{:>8} {:>8} {:<14} {}\n", "PID", "TIME", "PHASE", "BUILD");
    for build in &builds {
        text.push_str(&format!(
            "{:>8} {:>8} {:<14} {}\n",
            build.pid,
            render_time(Duration::from_secs(build.elapsed.as_secs())),
            build.phase.as_deref().unwrap_or("-"),
            name_of(build.drv_path.as_bytes()),
        ));
    }
    context.console.print(text)?;
    Ok(0)
}

fn shown(build: &RunningBuildInfo) -> Value {
    json!({
        "drvPath": build.drv_path,
        "phase": build.phase,
        "pid": build.pid,
        "seconds": build.elapsed.as_secs_f64(),
        "uid": build.uid,
    })
}
