//! Workloads: one file of the language each, evaluated strictly. The leading comment of a file may
//! hold a line `# arguments: …` with further arguments for both evaluators.

use std::path::{Path, PathBuf};

/// One expression to evaluate.
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<String>,
}

/// The workloads of a folder, by name; all of them where `only` is empty.
pub(crate) fn read(folder: &Path, only: &[String]) -> Result<Vec<Workload>, String> {
    let listing =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut workloads = Vec::new();
    for entry in listing {
        let file = entry.map_err(|error| error.to_string())?.path();
        let is_nix = file.extension().is_some_and(|extension| extension == "nix");
        let Some(name) = file.file_stem().filter(|_| is_nix) else {
            continue;
        };
        let name = name.to_string_lossy().into_owned();
        if !only.is_empty() && !only.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let head = text.lines().take_while(|line| line.starts_with('#'));
        let arguments = head
            .filter_map(|line| line.strip_prefix("# arguments:"))
            .flat_map(str::split_whitespace)
            .map(ToOwned::to_owned)
            .collect();
        workloads.push(Workload {
            name,
            file,
            arguments,
        });
    }
    if workloads.is_empty() {
        return Err(format!("no workload in {}", folder.display()));
    }
    workloads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(workloads)
}
