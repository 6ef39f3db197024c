//! `system vm` and `system test`: systems in virtual machines, without privileges.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use firn_eval::{Kind, SetBuilder, Symbol};
use firn_store::closure::{ClosureOptions, closure, path_info, sort_topologically};
use firn_store::validity::print_registration;
use firn_store::{Store, StoreError};
use firn_store_model::{DerivedPath, StorePath};
use firn_system::SystemError;
use firn_system::switch::Action;
use firn_system::vm::{Accelerator, Boot, Drive, TestRun, TestSpec, VmSpec, command, run_test};
use serde_json::Value;

use super::Target;
use super::switch::{Switching, switch_to_target};
use super::target::realise_one;
use crate::evaluation::evaluate;
use crate::installables::built_by;
use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `system vm [CONFIGURATION] [-- ARGUMENT…]`.
pub static VM: Verb = Verb {
    path: &["system", "vm"],
    about: "try a system in a virtual machine on this terminal",
    usage: "[-f FILE | --expr EXPR] [--host NAME] [--append PARAMETERS] [CONFIGURATION] [-- ARGUMENT-OF-QEMU…]",
    only_firn: true,
    run: vm,
};

/// `system test FILE`, and `system test CONFIGURATION`, which is what `nixos-rebuild` calls so.
pub static TEST: Verb = Verb {
    path: &["system", "test"],
    about: "run a test of virtual machines; or make this machine a system until it reboots",
    usage: "[--keep DIRECTORY] TEST | [-f FILE | --expr EXPR | --store-path PATH] [--host NAME] [--specialisation NAME] [CONFIGURATION]",
    only_firn: true,
    run: test,
};

fn vm(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = Target::default();
    let mut more = None;
    let mut words = args.rest();
    let own = match words.iter().position(|it| it == "--") {
        Some(at) => words.split_off(at).split_off(1),
        None => Vec::new(),
    };
    target.take_all(&mut Args::new(words), context, |flag, args| {
        if flag == "--append" {
            more = Some(args.value(flag)?);
        }
        Ok(flag == "--append")
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let spec = target.build(context, &store, "vm")?;
    let spec = VmSpec::from_json(&read_json(store.as_ref(), &spec)?)?;
    let place = |path: &Path| required_place(store.as_ref(), path);
    let scratch = std::env::temp_dir().join(format!("firn-vm-{}", std::process::id()));
    std::fs::create_dir(&scratch)?;
    crate::interruption::removes(scratch.clone());
    let listed = scratch.join("registration");
    std::fs::write(&listed, registration(store.as_ref(), &spec.systems)?)?;
    let drives = [place(&spec.store_image)?, listed].map(|file| Drive {
        file,
        writable: false,
    });
    let (kernel, initrd) = (place(&spec.kernel)?, place(&spec.initrd)?);
    let boot = Boot::Direct {
        kernel: &kernel,
        initrd: &initrd,
        more: more.as_deref(),
    };
    let mut network = "user,id=net0".to_owned();
    for (protocol, guest, host) in &spec.ports {
        network.push_str(&format!(",hostfwd={protocol}:127.0.0.1:{host}-:{guest}"));
    }
    let mut command = command(&qemu()?, Accelerator::of_host(), &spec, &drives, boot);
    firn_sys::children::end_with_parent(&mut command);
    // Whoever ends the machine by a signal is heard.
    firn_sys::signals::are_received_by(&mut command);
    let status = command
        .args(["-serial", "mon:stdio", "-no-reboot", "-netdev", &network])
        .args(["-device", "virtio-net-pci,netdev=net0"])
        .args(own)
        .stdin(Stdio::inherit())
        .status();
    firn_sys::file::remove_tree(&scratch)?;
    let status = status.map_err(|it| Failure::message(format!("running QEMU: {it}")))?;
    Ok(status
        .code()
        .and_then(|it| u8::try_from(it).ok())
        .unwrap_or(1))
}

fn test(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = Target::default();
    let mut keep = None;
    let mut switching = Switching::new(Action::Test);
    target.take_all(args, context, |flag, args| {
        if flag == "--keep" {
            keep = Some(args.value(flag)?);
            return Ok(true);
        }
        switching.take(flag, args)
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let Some(spec) = test_spec(context, &store, &target)? else {
        return switch_to_target(context, &target, &switching);
    };
    let spec = realise_one(context, store.as_ref(), &spec)?;
    let spec = TestSpec::from_json(&read_json(store.as_ref(), &spec)?)?;
    let directory = match &keep {
        Some(directory) => PathBuf::from(directory),
        None => std::env::temp_dir().join(format!("firn-test-{}", std::process::id())),
    };
    if keep.is_some() {
        std::fs::create_dir_all(&directory)?;
    } else {
        std::fs::create_dir(&directory)?;
        crate::interruption::removes(directory.clone());
    }
    let started = std::time::Instant::now();
    let outcome = run_test(
        &TestRun {
            qemu: &qemu()?,
            accelerator: Accelerator::of_host(),
            directory: &directory,
            place: &|path| place(store.as_ref(), path),
            registration: &|systems| registration(store.as_ref(), systems),
            say: &|text| context.console.line(text),
        },
        &spec,
    );
    if outcome.is_ok() && keep.is_none() {
        firn_sys::file::remove_tree(&directory)?;
    }
    outcome?;
    context.console.line(&format!(
        "test '{}' passed in {:.0} s",
        spec.name,
        started.elapsed().as_secs_f64()
    ));
    Ok(0)
}

/// The description of a test, instantiated; `None` where the words name no test.
fn test_spec(
    context: &Context,
    store: &Arc<dyn Store>,
    target: &Target,
) -> Result<Option<Vec<DerivedPath>>, Failure> {
    let [file] = target.installables.words.as_slice() else {
        return Ok(None);
    };
    if target.store_path.is_some() || target.installables.are_attributes() {
        return Ok(None);
    }
    let program = std::env::current_exe()?;
    evaluate(context, &target.installables.eval, store, |evaluation| {
        let file = evaluation.lookup_file(file)?;
        let test = evaluation.ctx.eval_file(&file)?;
        let mut args = SetBuilder::default();
        args.push(Symbol::intern(b"test"), test);
        let program = evaluation
            .ctx
            .new_str(program.as_os_str().as_encoded_bytes());
        args.push(Symbol::intern(b"program"), program);
        let args = evaluation.ctx.new_set(args);
        let from = evaluation.library().join(b"modules/testing/from.nix");
        let from = evaluation.ctx.eval_file(&from)?;
        let spec = evaluation.ctx.call(from, &[args])?;
        let spec = evaluation.ctx.force(spec)?;
        if matches!(spec.kind(), Kind::Null) {
            return Ok(None);
        }
        let args = evaluation.auto_args()?;
        built_by(evaluation, spec, args, None).map(Some)
    })
}

fn read_json(store: &dyn Store, path: &StorePath) -> Result<Value, Failure> {
    let shown = PathBuf::from(store.store_dir().print(path));
    let file = required_place(store, &shown)?;
    let text = std::fs::read(&file)?;
    serde_json::from_slice(&text)
        .map_err(|it| Failure::message(format!("'{}': {it}", shown.display())))
}

/// Where a path of the store is on this machine.
fn place(store: &dyn Store, path: &Path) -> Option<PathBuf> {
    let text = path.as_os_str().as_encoded_bytes();
    let (store_path, below) = store.store_dir().split(text).ok()?;
    let below = std::str::from_utf8(below).ok()?.trim_start_matches('/');
    let mut place = store.physical_path(&store_path)?;
    if !below.is_empty() {
        place.push(below);
    }
    Some(place)
}

fn required_place(store: &dyn Store, path: &Path) -> Result<PathBuf, Failure> {
    place(store, path).ok_or_else(|| {
        let path = path.display();
        Failure::message(format!("'{path}' is in no store of this machine"))
    })
}

/// What a machine's store is told of systems, as the content of a disk: how long the text is, and for
/// each path of their closures what `nix-store --load-db` reads.
fn registration(store: &dyn Store, systems: &[PathBuf]) -> Result<String, SystemError> {
    let paths: Result<Vec<_>, _> = systems
        .iter()
        .map(|it| store.store_dir().parse(it.as_os_str().as_encoded_bytes()))
        .collect();
    let paths = paths.map_err(|it| SystemError::other(it.to_string()))?;
    let print = || -> Result<String, StoreError> {
        let all = closure(store, paths, ClosureOptions::default())?;
        let mut text = String::new();
        for path in sort_topologically(store, &all)? {
            print_registration(store.store_dir(), &*path_info(store, &path)?, &mut text);
        }
        Ok(text)
    };
    let text = print()?;
    let mut disk = format!("{}\n{text}", text.len());
    // Whole sectors.
    disk.push_str(&"\n".repeat(512 - disk.len() % 512));
    Ok(disk)
}

fn qemu() -> Result<PathBuf, Failure> {
    const NAME: &str = "qemu-system-x86_64";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|it| it.join(NAME))
        .find(|it| it.is_file());
    found.ok_or_else(|| {
        Failure::message(format!(
            "'{NAME}' is not on the search path; the package 'qemu-system-x86' has it"
        ))
    })
}
