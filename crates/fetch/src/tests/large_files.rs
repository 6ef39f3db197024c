//! Large files of Git LFS: left as pointers, found on disk, downloaded, refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use firn_hash::Hasher;

use super::world::{Answer, Asked, Server, World};

const CONTENTS: &str = "as if it were large";

fn oid() -> String {
    Hasher::sha256(CONTENTS.as_bytes()).to_base16()
}

fn pointer() -> String {
    format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
        oid(),
        CONTENTS.len()
    )
}

/// A bare repository in which `large.bin` is a pointer to an executable file, `odd.bin` should be one,
/// and `small` only reads like one.
fn repository(world: &World, lfs_config: Option<&str>) {
    let work = world.path("work");
    std::fs::create_dir(&work).unwrap();
    let write = |name: &str, text: &str| std::fs::write(work.join(name), text).unwrap();
    write(".gitattributes", "*.bin filter=lfs\n");
    write("large.bin", &pointer());
    write("odd.bin", "no pointer");
    write("small", &pointer());
    if let Some(url) = lfs_config {
        write(".lfsconfig", &format!("[lfs]\n  url = {url}\n"));
    }
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(work.join("large.bin"), executable).unwrap();
    world.git(&work, &["init", "--quiet", "--initial-branch=main"]);
    world.git(&work, &["add", "--all"]);
    world.git(&work, &["commit", "--quiet", "--message", "x"]);
    world.git(
        &world.path(""),
        &["clone", "--quiet", "--bare", "work", "bare.git"],
    );
    world.git(&world.path("bare.git"), &["update-server-info"]);
}

#[track_caller]
fn check(world: &World, url: &str, large: &str) {
    let fetched = world.fetch(url).unwrap();
    let tree = world.tree(&fetched);
    let read = |name: &str| std::fs::read_to_string(tree.join(name)).unwrap();
    assert_eq!(
        (read("large.bin"), read("odd.bin"), read("small")),
        (large.to_owned(), "no pointer".to_owned(), pointer())
    );
    let mode = |name: &str| {
        std::fs::metadata(tree.join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(
        (mode("large.bin") & 0o111, mode("small") & 0o111),
        (0o111, 0)
    );
}

/// A server that serves a repository's files, as Git reads them, and its large files.
fn server(
    repository: &Path,
    large: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    let root = repository.parent().unwrap().to_owned();
    Server::start(move |asked| {
        if let Some(answer) = large(asked) {
            return answer;
        }
        let path = asked.line.strip_prefix("GET /").unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        match std::fs::read(root.join(path)) {
            Ok(contents) => ("200 OK", contents),
            Err(_) => ("404 Not Found", Vec::new()),
        }
    })
}

/// What a server of large files answers: where the contents are, and a header that it wants there.
fn batch(asked: &Asked) -> Answer {
    let question: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(question["operation"], "download");
    assert_eq!(asked.header("accept"), Some("application/vnd.git-lfs+json"));
    assert_eq!(
        asked.header("content-type"),
        Some("application/vnd.git-lfs+json")
    );
    let host = asked.header("host").unwrap();
    let mut answer = question["objects"].clone();
    for object in answer.as_array_mut().unwrap() {
        let href = format!("http://{host}/contents/{}", object["oid"].as_str().unwrap());
        object["actions"]["download"] =
            serde_json::json!({ "href": href, "header": { "X-Ticket": "7" } });
    }
    let answer = serde_json::json!({ "objects": answer });
    ("200 OK", answer.to_string().into_bytes())
}

fn contents(asked: &Asked, text: &str) -> Option<Answer> {
    asked
        .line
        .starts_with("GET /contents/")
        .then(|| match asked.header("x-ticket") {
            Some("7") => ("200 OK", text.as_bytes().to_vec()),
            _ => ("403 Forbidden", Vec::new()),
        })
}

#[test]
fn pointers_stay_unless_the_files_are_wanted() {
    let world = World::new();
    repository(&world, None);
    let url = format!("git+file://{}", world.path("bare.git").display());
    check(&world, &url, &pointer());
    let message = world.failure(&format!("{url}?lfs=1"));
    let expected = format!(
        "the repository 'file://{}' does not hold the contents of the large file 'large.bin'; run 'git lfs fetch' there",
        world.path("bare.git").display()
    );
    assert_eq!(message, expected);
}

#[test]
fn files_of_a_repository_on_this_machine_are_found_there() {
    let world = World::new();
    repository(&world, None);
    let oid = oid();
    let directory = world.path(&format!(
        "bare.git/lfs/objects/{}/{}",
        &oid[..2],
        &oid[2..4]
    ));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join(&oid), CONTENTS).unwrap();
    let url = format!("git+file://{}?lfs=1", world.path("bare.git").display());
    check(&world, &url, CONTENTS);
}

#[test]
fn files_of_a_repository_far_away_are_downloaded_once() {
    let world = World::new();
    repository(&world, None);
    let server = server(&world.path("bare.git"), |asked| {
        if asked.line == "POST /bare.git/info/lfs/objects/batch" {
            return Some(batch(asked));
        }
        contents(asked, CONTENTS)
    });
    let url = format!("git+{}/bare.git", server.url);
    check(&world, &url, &pointer());
    server.take_lines();
    check(&world, &format!("{url}?lfs=1"), CONTENTS);
    let download = format!("GET /contents/{}", oid());
    assert_eq!(
        server.take_lines(),
        ["POST /bare.git/info/lfs/objects/batch", &download]
    );
    // The next commit with the same large file needs no server of large files.
    let work = world.path("work");
    std::fs::write(work.join("other"), "").unwrap();
    world.git(&work, &["add", "other"]);
    world.git(&work, &["commit", "--quiet", "--message", "y"]);
    world.git(
        &work,
        &["push", "--quiet", "../bare.git", "HEAD:refs/heads/next"],
    );
    world.git(&world.path("bare.git"), &["update-server-info"]);
    check(&world, &format!("{url}?ref=next&lfs=1"), CONTENTS);
    let lines = server.take_lines();
    assert!(
        !lines
            .iter()
            .any(|it| it.starts_with("POST") || it == &download),
        "{lines:?}"
    );
}

#[test]
fn a_server_can_be_named_and_what_it_gives_is_checked() {
    let mut world = World::new();
    let server = server(&world.path("bare.git"), |asked| {
        if asked.line != "POST /elsewhere/objects/batch" {
            return contents(asked, "something else");
        }
        // Strangers are told that there is no such file.
        if asked.header("authorization").is_some() {
            return Some(batch(asked));
        }
        let text = format!(
            r#"{{"objects":[{{"oid":"{}","error":{{"code":404,"message":"Object does not exist"}}}}]}}"#,
            oid()
        );
        Some(("200 OK", text.into_bytes()))
    });
    repository(&world, Some(&format!("{}/elsewhere", server.url)));
    let url = format!("git+file://{}?lfs=1", world.path("bare.git").display());
    let error = world.fetch(&url).unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.context[0].as_str()),
        (
            &*format!(
                "'{}/elsewhere/objects/batch' says 404: Object does not exist",
                server.url
            ),
            "while fetching the large file 'large.bin'"
        )
    );
    world.transfers.netrc = firn_transfer::Netrc::parse("machine 127.0.0.1 login me password pass");
    let message = world.failure(&url);
    assert!(message.starts_with("hash mismatch in '"), "{message}");
    world.transfers.offline = true;
    let message = world.failure(&url);
    assert!(
        message.ends_with("the network is not to be used"),
        "{message}"
    );
}
