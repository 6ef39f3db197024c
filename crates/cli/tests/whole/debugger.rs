//! The prompt of the debugger, with lines from a pipe.

use std::io::Write as _;
use std::process::Stdio;

use libtest_mimic::Failed;

use crate::world::{FIRN, World};

/// An error opens a prompt that knows the names there; after it, the error is reported.
pub(crate) fn prompt() -> Result<(), Failed> {
    let world = World::new()?;
    let mut command = world.command(FIRN, &world.path("work"));
    let program = "let x.a = 20; f = n: with x; builtins.seq a (throw \"no\"); in f 1";
    command.args(["eval", "--debugger", "--expr", program]);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no pipe")?;
    stdin.write_all(b":env\na + n + 100\n:st 2\n:st 77\nm = 3000 + n\nm\n:bt\n:c\n")?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = format!("{stdout}\n{stderr}");
    let in_stdout = [
        "with: a",
        "static: n",
        "static: x f",
        "\n121\n",
        "\n3001\n",
        "0: error: no",
        "while calling 'f'",
    ];
    for part in in_stdout {
        if !stdout.contains(part) {
            return Err(format!("no '{part}' in:\n{said}").into());
        }
    }
    if !stderr.contains("there is no frame 77") || output.status.code() != Some(1) {
        return Err(format!("{:?}\n{said}", output.status).into());
    }
    Ok(())
}
