//! Projects at the prompt of real shells in a real terminal: allow, enter, change, nest, fail,
//! leave.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::world::{FIRN, World, succeed};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A shell, and how it is started with the hook.
pub(crate) struct Shell {
    pub(crate) name: &'static str,
    /// The start-up file, below the home directory.
    file: &'static str,
    startup: &'static str,
    arguments: &'static [&'static str],
    export: &'static str,
}

pub(crate) const SHELLS: &[Shell] = &[
    Shell {
        name: "bash",
        file: ".bashrc",
        startup: "PS1='> '\neval \"$(FIRN hook bash)\"\n",
        arguments: &["--noprofile", "-i"],
        export: "export KEPT=mine",
    },
    Shell {
        name: "zsh",
        file: ".zshrc",
        startup: "PS1='> '\nunsetopt zle_bracketed_paste 2>/dev/null\neval \"$(FIRN hook zsh)\"\n",
        arguments: &["-d", "-i"],
        export: "export KEPT=mine",
    },
    Shell {
        name: "fish",
        file: ".config/fish/config.fish",
        startup: "function fish_prompt; echo '> '; end\nfunction fish_greeting; end\nFIRN hook fish | source\n",
        arguments: &["-i"],
        export: "set -gx KEPT mine",
    },
];

/// A terminal with a shell in it.
struct Terminal<'w> {
    world: &'w World,
    socket: String,
    n_asked: u32,
}

impl<'w> Terminal<'w> {
    fn open(world: &'w World, shell: &Shell) -> Result<Self, Failed> {
        let terminal = Self {
            world,
            socket: world.path("tmux").display().to_string(),
            n_asked: 0,
        };
        let mut command = terminal.tmux(&["-f", "/dev/null", "new-session", "-d"]);
        command.args(["-x", "160", "-y", "50", shell.name]);
        command.args(shell.arguments);
        succeed(&mut command)?;
        Ok(terminal)
    }

    fn tmux(&self, words: &[&str]) -> Command {
        let mut command = self.world.command("tmux", &self.world.path("work"));
        command.args(["-S", &self.socket]).args(words);
        command
    }

    fn type_line(&self, line: &str) -> Result<(), Failed> {
        succeed(&mut self.tmux(&["send-keys", "-l", line]))?;
        succeed(&mut self.tmux(&["send-keys", "Enter"]))?;
        Ok(())
    }

    /// Everything that was shown so far, with long lines put together.
    fn shown(&self) -> Result<String, Failed> {
        succeed(&mut self.tmux(&["capture-pane", "-p", "-J", "-S", "-2000"]))
    }

    /// Waits for a text.
    fn wait_for(&self, text: &str) -> Result<(), Failed> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.shown()?.contains(text) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("'{text}' never came; there is\n{}", self.shown()?).into())
    }

    /// The values of both variables, as the shell sees them after the next prompt.
    fn values(&mut self) -> Result<String, Failed> {
        self.n_asked += 1;
        let number = self.n_asked;
        self.type_line(&format!("echo \"[{number}]=<$VALUE,$KEPT>.\""))?;
        let begin = format!("[{number}]=<");
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            // The line that was typed has the names of the variables.
            let shown = self.shown()?;
            let answer = shown.lines().find_map(|it| it.strip_prefix(&begin));
            if let Some((answer, _)) = answer.and_then(|it| it.split_once(">.")) {
                return Ok(answer.to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("no answer came; there is\n{}", self.shown()?).into())
    }

    fn expect(&mut self, expected: &str) -> Result<(), Failed> {
        let values = self.values()?;
        if values == expected {
            return Ok(());
        }
        Err(format!("expected '{expected}', got '{values}':\n{}", self.shown()?).into())
    }

    /// Prompts until the values are these.
    fn expect_soon(&mut self, expected: &str) -> Result<(), Failed> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.values()? == expected {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        self.expect(expected)
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // The server may have ended by itself.
        drop(self.tmux(&["kill-server"]).output());
    }
}

/// A project whose environment sets both variables.
fn write_project(directory: &Path, value: &str) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let text = format!(
        "derivation {{ name = \"environment\"; system = builtins.currentSystem; builder = \"/bin/bash\"; VALUE = {value}; KEPT = \"theirs\"; }}\n"
    );
    fs::write(directory.join("shell.nix"), text)
}

/// One visit: everything that can happen between entering and leaving.
pub(crate) fn whole_visit(shell: &Shell) -> Result<(), Failed> {
    let world = World::new()?;
    let startup = world.path("home").join(shell.file);
    fs::create_dir_all(startup.parent().expect("it is below the home directory"))?;
    fs::write(&startup, shell.startup.replace("FIRN", FIRN))?;
    let outer = world.path("work/outer");
    let inner = outer.join("inner");
    write_project(&outer, "\"one\"")?;
    let mut terminal = Terminal::open(&world, shell)?;
    terminal.wait_for(">")?;
    terminal.type_line(shell.export)?;
    terminal.expect(",mine")?;

    // Nothing comes before it is allowed.
    terminal.type_line(&format!("cd {}", outer.display()))?;
    terminal.wait_for("'firn allow' brings it")?;
    terminal.expect(",mine")?;
    terminal.type_line(&format!("{FIRN} allow"))?;
    terminal.expect_soon("one,theirs")?;
    terminal.wait_for("firn: environment of 'outer'")?;

    // A change comes when it is ready; until then the prompt works, with what was there.
    write_project(&outer, "\"two\"")?;
    terminal.expect_soon("two,theirs")?;
    terminal.wait_for("firn: the environment is a new one: file")?;

    // What cannot be made leaves the last good one.
    write_project(&outer, "throw \"no way\"")?;
    terminal.expect("two,theirs")?;
    let start = Instant::now();
    while !terminal.shown()?.contains("the environment cannot be made") {
        if start.elapsed() > PATIENCE {
            return Err(format!("no failure was told:\n{}", terminal.shown()?).into());
        }
        terminal.expect("two,theirs")?;
    }
    write_project(&outer, "\"two\"")?;
    terminal.expect_soon("two,theirs")?;

    // A project in a project takes its place, and gives it back.
    write_project(&inner, "\"inner\"")?;
    let mut allow = world.command(FIRN, &inner);
    succeed(allow.arg("allow"))?;
    terminal.type_line("cd inner")?;
    terminal.expect_soon("inner,theirs")?;
    terminal.type_line("cd ..")?;
    terminal.expect_soon("two,theirs")?;

    // Leaving restores what was there.
    terminal.type_line("cd /")?;
    terminal.expect(",mine")?;

    // Denied, it does not come any more.
    let mut deny = world.command(FIRN, &outer);
    succeed(deny.arg("deny"))?;
    terminal.type_line(&format!("cd {}", outer.display()))?;
    terminal.expect(",mine")
}
