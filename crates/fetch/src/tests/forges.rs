//! Forges: what is asked of them, with which token, and what is said when they refuse.

use super::world::{Answer, Asked, Server, World, archive};

const REV: &str = "0123456789012345678901234567890123456789";

/// A server that knows the addresses of all three forges.
fn forge() -> Server {
    Server::start(|asked| -> Answer {
        let path = asked.line.strip_prefix("GET ").unwrap_or_default();
        let json = |text: String| ("200 OK", text.into_bytes());
        match path {
            "/repos/owner/repo/commits/HEAD" | "/api/v3/repos/owner/repo/commits/main" => {
                json(format!(r#"{{"sha":"{REV}"}}"#))
            }
            "/api/v4/projects/owner%2Frepo/repository/commits?ref_name=main" => {
                json(format!(r#"[{{"id":"{REV}"}},{{"id":"older"}}]"#))
            }
            "/api/v4/projects/owner%2Frepo/repository/commits?ref_name=none" => json("[]".into()),
            "/~owner/repo/HEAD" => json("ref: refs/heads/trunk\n".into()),
            "/~owner/repo/info/refs" => json(format!(
                "{}\trefs/heads/other\n{REV}\trefs/heads/trunk\n{REV}\trefs/tags/v1\n",
                "9".repeat(40)
            )),
            "/repos/owner/limited/commits/HEAD" => (
                "403 Forbidden",
                br#"{"message":"API rate limit exceeded for 192.0.2.1"}"#.to_vec(),
            ),
            _ if path.contains(REV) => ("200 OK", archive("from a forge")),
            _ => ("404 Not Found", Vec::new()),
        }
    })
}

fn world(server: &Server) -> World {
    let mut world = World::new();
    for host in [
        "github.com",
        "api.github.com",
        "git.example.org",
        "gitlab.com",
        "git.sr.ht",
    ] {
        world.origins.insert(host.to_owned(), server.url.clone());
    }
    world
}

#[track_caller]
fn check(url: &str, tokens: &[(&str, &str)], expected: &[&str], credential: Option<(&str, &str)>) {
    let server = forge();
    let mut world = world(&server);
    let tokens = tokens.iter().map(|it| (it.0.to_owned(), it.1.to_owned()));
    world.tokens = tokens.collect();
    let fetched = world.fetch(url).unwrap();
    let asked = server.take_asked();
    let lines: Vec<&str> = asked.iter().map(|it| it.line.as_str()).collect();
    assert_eq!(lines, expected, "{url}");
    for request in &asked {
        let sent = |name: &str| request.header(name);
        match credential {
            Some((name, value)) => assert_eq!(sent(name), Some(value), "{request:?}"),
            None => assert_eq!(
                (sent("authorization"), sent("private-token")),
                (None, None),
                "{request:?}"
            ),
        }
    }
    assert_eq!(fetched.input.rev_text().as_deref(), Some(REV));
    assert_eq!(fetched.input.last_modified(), Some(1_600_000_000));
    let file = world.tree(&fetched).join("file");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "from a forge");
    // Everything is known now, to another process too.
    let again = world.fetch(&format!("{}?rev={REV}", url.split('?').next().unwrap()));
    if !url.contains("main") && !url.contains("v1") && !url.contains(REV) {
        assert_eq!(again.unwrap().path, fetched.path);
        assert_eq!(server.take_lines(), [""; 0]);
    }
}

#[test]
fn github_is_asked_for_the_revision_and_then_for_its_archive() {
    let public = format!("GET /owner/repo/archive/{REV}.tar.gz");
    let private = format!("GET /repos/owner/repo/tarball/{REV}");
    let commits = "GET /repos/owner/repo/commits/HEAD";
    check("github:owner/repo", &[], &[commits, &public], None);
    check(&format!("github:owner/repo/{REV}"), &[], &[&public], None);
    check(
        "github:owner/repo",
        &[
            ("github.com", "wide"),
            ("github.com/owner", "narrow"),
            ("github.com/own", "other"),
        ],
        &[commits, &private],
        Some(("authorization", "token narrow")),
    );
    check(
        "github:owner/repo/main?host=git.example.org",
        &[("github.com", "wide")],
        &[
            "GET /api/v3/repos/owner/repo/commits/main",
            &format!("GET /api/v3/repos/owner/repo/tarball/{REV}"),
        ],
        None,
    );
}

#[test]
fn gitlab_takes_two_kinds_of_tokens() {
    let lines = [
        "GET /api/v4/projects/owner%2Frepo/repository/commits?ref_name=main",
        &format!("GET /api/v4/projects/owner%2Frepo/repository/archive.tar.gz?sha={REV}"),
    ];
    let url = "gitlab:owner/repo/main";
    check(url, &[], &lines, None);
    check(
        url,
        &[("gitlab.com", "PAT:secret")],
        &lines,
        Some(("private-token", "secret")),
    );
    check(
        url,
        &[("gitlab.com", "OAuth2:secret")],
        &lines,
        Some(("authorization", "Bearer secret")),
    );
    let server = forge();
    let message = world(&server).failure("gitlab:owner/repo/none");
    assert_eq!(
        message,
        "No commits returned by GitLab API -- does the git ref really exist?"
    );
}

#[test]
fn sourcehut_is_read_by_the_plain_protocol() {
    let archive = format!("GET /~owner/repo/archive/{REV}.tar.gz");
    check(
        "sourcehut:~owner/repo",
        &[],
        &[
            "GET /~owner/repo/HEAD",
            "GET /~owner/repo/info/refs",
            &archive,
        ],
        None,
    );
    check(
        "sourcehut:~owner/repo/v1",
        &[("git.sr.ht", "secret")],
        &["GET /~owner/repo/info/refs", &archive],
        Some(("authorization", "Bearer secret")),
    );
    let server = forge();
    let message = world(&server).failure("sourcehut:~owner/repo/none");
    assert_eq!(
        message,
        "in 'sourcehut:~owner/repo/none', couldn't find ref 'none'"
    );
}

#[test]
fn refusals_say_what_a_token_could_do() {
    let server = forge();
    let mut world = world(&server);
    let limited = world.failure("github:owner/limited");
    let expected = format!(
        "unable to download '{}/repos/owner/limited/commits/HEAD': HTTP error 403 (Forbidden)\n\n\
         response body:\n\n{{\"message\":\"API rate limit exceeded for 192.0.2.1\"}}\n\n\
         github.com answers only so many requests without a token; one for it goes into the setting \
         'access-tokens', as in 'access-tokens = github.com=TOKEN'",
        server.url
    );
    assert_eq!(limited, expected);
    let ends = |message: &str, expected: &str| {
        assert!(message.ends_with(expected), "{message}");
    };
    let absent = world.failure("gitlab:owner/absent");
    ends(
        &absent,
        "if the repository is private, a token for it goes into the setting 'access-tokens', as in 'access-tokens = gitlab.com=PAT:TOKEN'",
    );
    world
        .tokens
        .insert("github.com".to_owned(), "secret".to_owned());
    ends(
        &world.failure("github:owner/limited"),
        "github.com answers only so many requests with this token; try again later",
    );
    let absent = world.failure("github:owner/absent");
    ends(
        &absent,
        "check that the token for github.com in the setting 'access-tokens' is still valid and may read owner/absent",
    );
    assert!(!absent.contains("secret"), "{absent}");
}

#[test]
fn archives_take_credentials_from_netrc() {
    let server = Server::start(|asked: &Asked| match asked.header("authorization") {
        // `me:pass`.
        Some("Basic bWU6cGFzcw==") => ("200 OK", archive("private")),
        _ => ("401 Unauthorized", Vec::new()),
    });
    let url = format!("{}/source.tar.gz", server.url);
    let mut world = World::new();
    let refused = world.failure(&url);
    assert!(refused.contains("HTTP error 401"), "{refused}");
    world.transfers.netrc = firn_transfer::Netrc::parse("machine 127.0.0.1 login me password pass");
    let fetched = world.fetch(&url).unwrap();
    let file = world.tree(&fetched).join("file");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "private");
}
