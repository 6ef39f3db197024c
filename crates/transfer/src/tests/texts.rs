//! Addresses, proxies and netrc files.

use proptest::prelude::*;

use crate::{Netrc, Proxies, percent_decode, percent_encode_path, url};

#[test]
fn hosts_and_credentials() {
    for (text, host, bare) in [
        ("http://a.b:80/c", "a.b", "http://a.b:80/c"),
        ("https://u:p@a.b/c@d", "a.b", "https://a.b/c@d"),
        ("http://[::1]:80?x", "::1", "http://[::1]:80?x"),
        ("http://u:p%40@h#x", "h", "http://h#x"),
    ] {
        assert_eq!(url::host(text), Some(host), "{text}");
        assert_eq!(url::without_credentials(text), bare, "{text}");
    }
    assert_eq!(url::host("nonsense"), None);
}

#[test]
fn proxies() {
    let proxies = Proxies {
        http: Some("http://p:1".into()),
        https: None,
        direct: vec![
            "localhost".into(),
            ".intern".into(),
            " example.org".into(),
            String::new(),
        ],
    };
    assert_eq!(proxies.find("http://cache.org/x"), Some("http://p:1"));
    assert_eq!(proxies.find("https://cache.org/x"), None);
    for direct in [
        "http://localhost:80/",
        "http://a.Intern/",
        "http://www.example.org/",
        "http://intern/",
    ] {
        assert_eq!(proxies.find(direct), None, "{direct}");
    }
    assert!(proxies.find("http://notexample.org/").is_some());
    let all = Proxies {
        direct: vec!["*".into()],
        ..proxies
    };
    assert_eq!(all.find("http://cache.org/x"), None);
}

#[test]
fn netrc() {
    let netrc = Netrc::parse(
        "# comment machine x\nmachine a.org login me\n\tpassword \"pw\"\nmacdef init\nmachine evil login x\n\n\
         machine b.org\nlogin\nyou\npassword two\ndefault login any password all\n",
    );
    let find = |host: &str| {
        let found = netrc.find(host).unwrap();
        (found.login.clone(), found.password.clone())
    };
    assert_eq!(find("A.org"), ("me".into(), "pw".into()));
    assert_eq!(find("b.org"), ("you".into(), "two".into()));
    assert_eq!(find("evil"), ("any".into(), "all".into()));
    assert!(!format!("{netrc:?}").contains("pw"));
    assert!(Netrc::parse("machine").find("x").is_none());
}

proptest! {
    #[test]
    fn percent_signs_round_trip(bytes: Vec<u8>) {
        prop_assert_eq!(percent_decode(&percent_encode_path(&bytes)), bytes);
    }

    #[test]
    fn texts_never_panic(text: String) {
        let _host = url::host(&text);
        let _netrc = Netrc::parse(&text);
        prop_assert!(percent_decode(&text).len() <= text.len());
    }
}
