//! After any edits to a flake and its history, what is remembered is what an evaluation answers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::world::{FIRN, World, said};

/// Depends on files that are tracked, on one that may be absent, on a listing, and on what is known
/// of the tree.
const FLAKE: &str = r#"{
  outputs = { self }: {
    text = builtins.concatStringsSep ";" (
      [ (builtins.readFile ./a) (self.rev or self.dirtyRev or "none") (toString self.lastModified) ]
      ++ builtins.attrNames (builtins.readDir ./.)
      ++ (if builtins.pathExists ./b then [ (builtins.readFile ./b) ] else [ ])
    );
  };
}
"#;

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// Changes something, or nothing: files, what Git tracks, its history, a tree without Git.
fn edit(world: &World, flake: &Path, tree: &Path, numbers: &mut Numbers) -> Result<(), Failed> {
    let number = numbers.below(4).to_string();
    match numbers.below(12) {
        0 | 1 => fs::write(flake.join("a"), number)?,
        2 => fs::write(flake.join("b"), number)?,
        3 => fs::write(flake.join("untracked"), number)?,
        4 => world.git(flake, &["add", "--all"])?,
        5 => world.git(
            flake,
            &["commit", "--quiet", "--allow-empty", "--all", "-m", "x"],
        )?,
        6 => world.git(flake, &["reset", "--quiet", "--hard"])?,
        // It may not be there.
        7 => drop(fs::remove_file(flake.join("b"))),
        8 => fs::write(tree.join("value"), number)?,
        9 => fs::write(tree.join(number), "")?,
        10 => {
            // The same contents again: another status only.
            let contents = fs::read(flake.join("a"))?;
            fs::write(flake.join("a"), contents)?;
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn flakes() -> Result<(), Failed> {
    let world = World::new()?;
    let (flake, tree) = (world.path("work/flake"), world.path("work/tree"));
    fs::create_dir(&flake)?;
    fs::create_dir(&tree)?;
    fs::write(tree.join("value"), "0")?;
    fs::write(flake.join("flake.nix"), FLAKE)?;
    fs::write(flake.join("a"), "0")?;
    world.git(&flake, &["init", "--quiet"])?;
    world.git(&flake, &["add", "flake.nix", "a"])?;
    world.git(&flake, &["commit", "--quiet", "-m", "first"])?;
    let expression = format!(
        r#"(builtins.getFlake "git+file://{}").text + builtins.readFile (builtins.fetchTree {{ type = "path"; path = "{}"; }} + "/value")"#,
        flake.display(),
        tree.display()
    );
    let ask = |flags: &[&str]| {
        let mut command = world.command(FIRN, &flake);
        command.args(["eval", "--raw"]).args(flags);
        command.output()
    };
    let mut numbers = Numbers(11);
    let mut n_remembered = 0;
    for step in 0..24 {
        edit(&world, &flake, &tree, &mut numbers)?;
        if step % 8 == 5 {
            // From here on the status of files says something, until the next edit.
            std::thread::sleep(Duration::from_millis(2200));
        }
        for words in [
            &[".#text"][..],
            &["--impure", "--expr", expression.as_str()],
        ] {
            let cold = said(&ask(&[words, &["--no-eval-cache"]].concat())?);
            for _ in 0..2 {
                let answer = said(&ask(words)?);
                if answer != cold {
                    return Err(format!("step {step}: remembered\n{answer}\ncold\n{cold}").into());
                }
            }
            let explained = said(&ask(&[words, &["--explain-cache"]].concat())?);
            n_remembered += u32::from(explained.contains("the answer is remembered"));
        }
    }
    // Failures (a file that is gone) are not remembered; everything else is.
    if n_remembered < 36 {
        return Err(format!("only {n_remembered} of 48 answers were remembered").into());
    }
    Ok(())
}

/// With a check that builds, a check for another system, and an output of an unknown kind.
const OUTPUTS: &str = r#"{
  outputs = { self }: {
    checks = builtins.listToAttrs (map (system: {
      name = system;
      value.first = derivation {
        inherit system;
        name = builtins.readFile ./name;
        builder = "/bin/sh";
        args = [ "-c" "echo built > $out" ];
      };
    }) [ builtins.currentSystem "riscv64-linux" ]);
    odd = 1;
  };
}
"#;

/// `flake show` and `flake check` say the same whether they evaluate or remember.
pub(crate) fn outputs() -> Result<(), Failed> {
    let world = World::new()?;
    let flake = world.path("work/flake");
    fs::create_dir(&flake)?;
    fs::write(flake.join("flake.nix"), OUTPUTS)?;
    world.git(&flake, &["init", "--quiet"])?;
    let ask = |words: &[&str]| {
        let mut command = world.command(FIRN, &flake);
        command.arg("flake").args(words).arg("--impure");
        command.output().map(|it| said(&it))
    };
    let verbs: [&[&str]; 4] = [
        &["show"],
        &["show", "--json", "--all-systems"],
        &["check"],
        &["check", "--no-build"],
    ];
    for name in ["one", "two"] {
        fs::write(flake.join("name"), name)?;
        world.git(&flake, &["add", "--all"])?;
        world.git(&flake, &["commit", "--quiet", "-m", name])?;
        for words in verbs {
            // The first one builds.
            ask(words)?;
            let cold = ask(&[words, &["--no-eval-cache"]].concat())?;
            let again = ask(&[words, &["--explain-cache"]].concat())?;
            let mark = "evaluation cache: nothing has changed; the answer is remembered\n";
            if !again.contains(mark) || again.replace(mark, "") != cold {
                return Err(format!("{words:?}: remembered\n{again}\ncold\n{cold}").into());
            }
        }
        let shown = ask(&["show"])?;
        if !shown.contains(&format!("'{name}'")) || !shown.contains("omitted") {
            return Err(shown.into());
        }
    }
    // What does not evaluate is not remembered as checked.
    fs::write(
        flake.join("flake.nix"),
        OUTPUTS.replace("readFile", "readFail"),
    )?;
    for _ in 0..2 {
        let failed = ask(&["check", "--keep-going", "--no-build"])?;
        if !failed.contains("readFail") {
            return Err(failed.into());
        }
    }
    Ok(())
}
