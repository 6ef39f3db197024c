//! What a line at the prompt asks for. A line that begins with a colon is a command with one
//! argument, the rest of the line; any other line is bindings or an expression.

use std::fmt;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Evaluate and print a little of it, or bind names.
    Evaluate,
    /// `:p`: print all of it.
    Print,
    /// `:a`: add the attributes of a set to the scope.
    Add,
    /// `:l`: add the attributes of a file's value to the scope.
    Load,
    /// `:lf`: add the outputs of a flake to the scope.
    LoadFlake,
    /// `:ll`: list what was added last.
    LastLoaded,
    /// `:r`: read all files again.
    Reload,
    /// `:t`: say of which type it is.
    Type,
    /// `:doc`: show its documentation.
    Doc,
    /// `:e`: open its definition in an editor.
    Edit,
    /// `:b`: build it.
    Build,
    /// `:bl`: build it and leave links.
    BuildAndLink,
    /// `:i`: build it and install it.
    Install,
    /// `:u`: build it and open a shell with it.
    Use,
    /// `:sh`: open the shell of its build.
    Shell,
    /// `:log`: show the log of its build.
    Log,
    /// `:te`: show whole chains with errors, or no longer.
    TraceEnable,
    /// `:time`: evaluate it and say what that took.
    Time,
    /// `:?`.
    Help,
    /// `:q`.
    Quit,
    /// `:env`: show the variables of the current frame.
    Environment,
    /// `:bt`: show the chain of frames.
    Backtrace,
    /// `:st`: choose a frame.
    Frame,
    /// `:c`: go on.
    Continue,
    /// `:s`: go on to the next step.
    Step,
}

/// Names, argument, description; in the order of the help. The last part only counts in the
/// debugger.
const COMMANDS: &[(Command, &[&str], &str, &str)] = &[
    (
        Command::Add,
        &[":a", ":add"],
        "EXPR",
        "add the attributes of a set to the scope",
    ),
    (Command::Build, &[":b"], "EXPR", "build a derivation"),
    (
        Command::BuildAndLink,
        &[":bl"],
        "EXPR",
        "build a derivation and link to its outputs from here",
    ),
    (
        Command::Doc,
        &[":doc"],
        "EXPR",
        "show the documentation of a function or attribute",
    ),
    (
        Command::Edit,
        &[":e", ":edit"],
        "EXPR",
        "open the place of definition in $EDITOR, then reload",
    ),
    (Command::Help, &[":?", ":help"], "", "show this"),
    (
        Command::Install,
        &[":i"],
        "EXPR",
        "build a derivation and add it to the profile",
    ),
    (
        Command::Load,
        &[":l", ":load"],
        "FILE",
        "add the attributes of a file's value to the scope",
    ),
    (
        Command::LastLoaded,
        &[":ll", ":last-loaded"],
        "",
        "list the names that were added last",
    ),
    (
        Command::LoadFlake,
        &[":lf", ":load-flake"],
        "FLAKE",
        "add the outputs of a flake to the scope",
    ),
    (
        Command::Log,
        &[":log"],
        "EXPR",
        "show the build log of a derivation",
    ),
    (
        Command::Print,
        &[":p", ":print"],
        "EXPR",
        "print a value to any depth, strings as they are",
    ),
    (Command::Quit, &[":q", ":quit"], "", "leave"),
    (
        Command::Reload,
        &[":r", ":reload"],
        "",
        "read all loaded files again",
    ),
    (
        Command::Shell,
        &[":sh"],
        "EXPR",
        "open a shell with what the build of a derivation sees",
    ),
    (
        Command::Time,
        &[":time"],
        "EXPR",
        "evaluate and say what time and memory it took",
    ),
    (
        Command::TraceEnable,
        &[":te", ":trace-enable"],
        "[BOOL]",
        "show errors with their whole chain, or no longer",
    ),
    (
        Command::Type,
        &[":t"],
        "EXPR",
        "say what kind of value it is",
    ),
    (
        Command::Use,
        &[":u"],
        "EXPR",
        "build a derivation and open a shell with it",
    ),
];

const DEBUGGER_COMMANDS: &[(Command, &[&str], &str, &str)] = &[
    (
        Command::Environment,
        &[":env"],
        "",
        "show the variables of the current frame",
    ),
    (
        Command::Backtrace,
        &[":bt", ":backtrace"],
        "",
        "show all frames",
    ),
    (
        Command::Frame,
        &[":st"],
        "[NUMBER]",
        "show a frame and make it the current one",
    ),
    (
        Command::Continue,
        &[":c", ":continue"],
        "",
        "go on to the end, the next error or break",
    ),
    (Command::Step, &[":s", ":step"], "", "go on for one step"),
];

/// A command that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCommand(pub String);

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown command '{}'", self.0)
    }
}

impl std::error::Error for UnknownCommand {}

impl Command {
    /// Takes a line apart. An empty line is an empty expression.
    pub fn parse(line: &str, in_debugger: bool) -> Result<(Self, &str), UnknownCommand> {
        let line = line.trim();
        if !line.starts_with(':') {
            return Ok((Self::Evaluate, line));
        }
        let end = line.find([' ', '\n', '\r', '\t']).unwrap_or(line.len());
        let (name, argument) = line.split_at(end);
        let more: &[_] = if in_debugger { DEBUGGER_COMMANDS } else { &[] };
        COMMANDS
            .iter()
            .chain(more)
            .find(|it| it.1.contains(&name))
            .map(|it| (it.0, argument.trim()))
            .ok_or_else(|| UnknownCommand(name.to_owned()))
    }

    /// Whether the argument is an expression, which may take several lines.
    pub fn takes_expression(self) -> bool {
        matches!(
            self,
            Self::Evaluate
                | Self::Print
                | Self::Add
                | Self::Type
                | Self::Doc
                | Self::Edit
                | Self::Build
                | Self::BuildAndLink
                | Self::Install
                | Self::Use
                | Self::Shell
                | Self::Log
                | Self::Time
        )
    }

    /// All names of commands, for completion.
    pub fn names() -> impl Iterator<Item = &'static str> {
        COMMANDS.iter().flat_map(|it| it.1.iter().copied())
    }
}

/// What `:?` prints.
pub fn help(in_debugger: bool) -> String {
    let mut text = String::from("At the prompt:\n\n");
    let mut line = |left: &str, right: &str| {
        text.push_str("  ");
        text.push_str(left);
        text.push_str(&" ".repeat(28_usize.saturating_sub(left.len()).max(1)));
        text.push_str(right);
        text.push('\n');
    };
    line("EXPR", "evaluate and print, one level deep");
    line("NAME = EXPR", "bind a name; 'inherit' works as well");
    for (_, names, argument, about) in COMMANDS {
        line(&format!("{} {argument}", names.join(", ")), about);
    }
    if in_debugger {
        line("", "");
        for (_, names, argument, about) in DEBUGGER_COMMANDS {
            line(&format!("{} {argument}", names.join(", ")), about);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let check = |line: &str, command, argument: &str| {
            assert_eq!(
                Command::parse(line, false),
                Ok((command, argument)),
                "{line}"
            );
        };
        check("  1 + 1\n", Command::Evaluate, "1 + 1");
        check(":p  { }\n", Command::Print, "{ }");
        check(":load\tx.nix", Command::Load, "x.nix");
        check(":?", Command::Help, "");
        check("", Command::Evaluate, "");
    }

    #[test]
    fn commands_of_the_debugger_exist_only_there() {
        let unknown = UnknownCommand(":bt".to_owned());
        assert_eq!(Command::parse(":bt", false), Err(unknown));
        assert_eq!(Command::parse(":bt", true), Ok((Command::Backtrace, "")));
    }

    #[test]
    fn help_names_every_command() {
        let text = help(false);
        for name in Command::names() {
            assert!(text.contains(name), "{name}");
        }
        assert!(!text.contains(":bt"));
        assert!(help(true).contains(":bt"));
    }
}
