//! Services of a project: started, ready before the command begins, shared, and gone afterwards.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::world::{FIRN, World, said, succeed};

/// A service that becomes ready after a moment and says when it is asked to end, with a child that
/// has to go as well.
const SHELL: &str = r#"
derivation {
  name = "environment";
  system = builtins.currentSystem;
  builder = "/bin/bash";
  FIRN_SERVICES = builtins.toJSON {
    slow = {
      port = 0;
      start = ''
        sleep 1000 & echo $! > @state@/child
        trap 'echo ended >> @state@/said; exit 0' TERM
        sleep 0.5; echo @port@ > @state@/up
        wait
      '';
      ready = "test -e @state@/up";
      variables.SLOW = "@port@ @state@";
    };
    broken = { start = "echo oh no; exit 3"; ready = "false"; };
  };
}
"#;

/// One that does not end when it is asked to.
const STUBBORN: &str = r#"
derivation {
  name = "environment";
  system = builtins.currentSystem;
  builder = "/bin/bash";
  FIRN_SERVICES = builtins.toJSON {
    stubborn = {
      start = ''
        trap "" TERM
        echo $BASHPID > @state@/self
        while :; do sleep 0.1; done
      '';
      ready = "test -e @state@/self";
      variables.STATE = "@state@";
    };
  };
}
"#;

/// Waits for something, at most two minutes.
fn wait_for(what: &str, is_so: impl Fn() -> bool) -> Result<(), Failed> {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > Duration::from_mins(2) {
            return Err(format!("it never came: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn send(world: &World, signal: &str, process: u32) -> Result<(), Failed> {
    let process = process.to_string();
    let mut kill = world.command("kill", &world.path("work"));
    succeed(kill.args([signal, &process])).map(drop)
}

/// However a command ends, its services end as well.
pub(crate) fn ended_badly() -> Result<(), Failed> {
    let world = World::new()?;
    let work = world.path("work");
    fs::write(work.join("stubborn.nix"), STUBBORN)?;
    let good = SHELL.replace("broken =", "# broken =");
    fs::write(work.join("good.nix"), good)?;
    let variable = |file: &str, text: &str| -> Result<String, Failed> {
        let said = succeed(&mut develop(&world, &work, file, text))?;
        Ok(said.trim().to_owned())
    };
    let up = |file: &str| {
        let mut up = world.command(FIRN, &work);
        up.args(["up", "-f", file]).stdout(Stdio::null());
        up.spawn()
    };

    // Killed by the kernel's means: the service is asked to end; what that leaves behind is ended
    // before it is started anew.
    let state = variable("good.nix", "echo ${SLOW#* }")?;
    let state = Path::new(&state);
    let directory = state.parent().ok_or("no directory")?;
    let note = || fs::read_to_string(directory.join("running.json")).unwrap_or_default();
    for name in ["up", "said"] {
        fs::remove_file(state.join(name))?;
    }
    let mut killed = up("good.nix")?;
    wait_for("the service is ready", || note().contains("variables"))?;
    let child = fs::read_to_string(state.join("child"))?;
    send(&world, "-KILL", killed.id())?;
    killed.wait()?;
    wait_for("the service was asked to end", || {
        fs::read_to_string(state.join("said")).is_ok_and(|it| it == "ended\n")
    })?;
    variable("good.nix", "true")?;
    if is_running(&child) {
        return Err("what a killed command has left runs on".into());
    }

    // Asked twice: no more waiting for a service that does not end.
    let mut asked = up("stubborn.nix")?;
    wait_for("the service is ready", || note().contains("variables"))?;
    let own = fs::read_to_string(directory.join("stubborn/self"))?;
    send(&world, "-TERM", asked.id())?;
    wait_for("the end begins", || !note().contains("variables"))?;
    if !is_running(&own) {
        return Err("the service ends when it is asked to; it is no test".into());
    }
    send(&world, "-TERM", asked.id())?;
    asked.wait()?;
    wait_for("the service is gone", || !is_running(&own))
}

fn develop(world: &World, directory: &Path, file: &str, command: &str) -> std::process::Command {
    let mut started = world.command(FIRN, directory);
    started.args([
        "develop",
        "-f",
        file,
        "--services",
        "-c",
        "bash",
        "-c",
        command,
    ]);
    started
}

/// Whether a process is there, and no more than a remnant.
fn is_running(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", process.trim()));
    status.is_ok_and(|it| !it.contains(") Z "))
}

pub(crate) fn run_and_end() -> Result<(), Failed> {
    let world = World::new()?;
    let work = world.path("work");
    let good = SHELL.replace("broken =", "# broken =");
    fs::write(work.join("good.nix"), good)?;
    fs::write(work.join("bad.nix"), SHELL)?;

    // Ready, with its port and its variables; the command's exit code comes through.
    let mut first = develop(
        &world,
        &work,
        "good.nix",
        "echo \"<$SLOW>\"; cat ${SLOW#* }/up; exit 7",
    );
    let output = first.output()?;
    let shown = said(&output);
    let variable = shown.split_once('<').and_then(|it| it.1.split_once('>'));
    let (port, state) = variable
        .and_then(|it| it.0.split_once(' '))
        .ok_or_else(|| format!("no variable: {shown}"))?;
    if output.status.code() != Some(7) || !shown.contains(&format!("{port}\n")) {
        return Err(shown.into());
    }
    // It was asked to end, and nothing of it is left.
    let state = Path::new(state);
    let child = fs::read_to_string(state.join("child"))?;
    if fs::read_to_string(state.join("said"))? != "ended\n" || is_running(&child) {
        return Err(format!("it has not ended: {shown}").into());
    }

    // A command can be interrupted, though the program watches for signals itself.
    let mut masked = world.command(FIRN, &work);
    masked.args([
        "develop",
        "-f",
        "good.nix",
        "-c",
        "grep",
        "SigBlk",
        "/proc/self/status",
    ]);
    let mask = succeed(&mut masked)?;
    if !mask.contains("0000000000000000") {
        return Err(format!("signals are held back: {mask}").into());
    }

    // While one command runs them, another uses the same, and does not end them.
    fs::remove_file(state.join("up"))?;
    let mut up = world.command(FIRN, &work);
    up.args(["up", "-f", "good.nix"]).stdout(Stdio::null());
    let mut up = up.spawn()?;
    let start = Instant::now();
    while !state.join("up").exists() && start.elapsed() < Duration::from_mins(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let port = fs::read_to_string(state.join("up"))?;
    let mut second = develop(&world, &work, "good.nix", "echo \"${SLOW% *}\"");
    let same = succeed(&mut second)?;
    let child = fs::read_to_string(state.join("child"))?;
    if same != port || !is_running(&child) {
        return Err(format!("the second command saw '{same}', the first '{port}'").into());
    }
    succeed(
        world
            .command("kill", &work)
            .args(["-TERM", &up.id().to_string()]),
    )?;
    let status = up.wait()?;
    if !status.success() || is_running(&child) {
        return Err(format!(
            "'up' ended with {status}, its service runs: {}",
            is_running(&child)
        )
        .into());
    }

    // One that fails is named with its log, and the others are ended.
    let output = develop(&world, &work, "bad.nix", "echo begun").output()?;
    let shown = said(&output);
    let expected = ["service 'broken' ended before it was ready", "oh no"];
    if output.status.success() || shown.contains("begun") {
        return Err(shown.into());
    }
    for text in expected {
        if !shown.contains(text) {
            return Err(format!("'{text}' is not said: {shown}").into());
        }
    }
    Ok(())
}
