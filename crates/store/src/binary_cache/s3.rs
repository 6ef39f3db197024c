//! Binary caches in buckets of S3-compatible services.
//!
//! A bucket is spoken to over plain HTTP requests whose addresses are signed, each for its method and
//! for a while; everything else about it is a binary cache as any other.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use crate::error::StoreError;

/// How long a signed address is good: as long as the largest object takes.
const VALIDITY: Duration = Duration::from_hours(6);

/// Where a bucket is and how it is named there.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// What comes before the names of files.
    pub prefix: String,
    /// The region.
    pub region: String,
    /// The address of the service; `None` for that of Amazon's in the region.
    pub endpoint: Option<String>,
    /// Whether the bucket is a part of the host's name instead of the path; `None` for what suits
    /// the endpoint.
    pub virtual_host: Option<bool>,
    /// Key id, secret key and, for temporary ones, a token; `None` for what everybody may do.
    pub credentials: Option<(String, String, Option<String>)>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Put,
}

/// A bucket.
#[derive(Clone, Debug)]
pub struct S3Bucket {
    bucket: Bucket,
    prefix: String,
    credentials: Option<Credentials>,
}

impl S3Bucket {
    /// A bucket, which is not asked anything yet.
    pub fn new(options: &S3Options) -> Result<S3Bucket, StoreError> {
        let wrong = |error: &dyn std::fmt::Display| {
            StoreError::other(format!("S3 bucket '{}': {error}", options.bucket))
        };
        let endpoint = options
            .endpoint
            .clone()
            .unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", options.region));
        let is_virtual = options.virtual_host.unwrap_or(options.endpoint.is_none());
        let style = if is_virtual {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let endpoint = endpoint.parse().map_err(|error| wrong(&error))?;
        let bucket = Bucket::new(
            endpoint,
            style,
            options.bucket.clone(),
            options.region.clone(),
        )
        .map_err(|error| wrong(&error))?;
        let credentials = options
            .credentials
            .as_ref()
            .map(|(id, secret, token)| match token {
                Some(token) => Credentials::new_with_token(id, secret, token),
                None => Credentials::new(id, secret),
            });
        let prefix = options.prefix.trim_matches('/');
        Ok(S3Bucket {
            bucket,
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            credentials,
        })
    }

    /// The address of a file for a method.
    pub(super) fn address(&self, method: Method, name: &str) -> String {
        let key = format!("{}{name}", self.prefix);
        let Some(credentials) = &self.credentials else {
            return self.bucket.object_url(&key).to_string();
        };
        let credentials = Some(credentials);
        let url = match method {
            Method::Get => self.bucket.get_object(credentials, &key).sign(VALIDITY),
            Method::Head => self.bucket.head_object(credentials, &key).sign(VALIDITY),
            Method::Put => self.bucket.put_object(credentials, &key).sign(VALIDITY),
        };
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_style_and_are_signed_by_method() {
        let mut options = S3Options {
            bucket: "cache".to_owned(),
            prefix: "/nix/".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            ..S3Options::default()
        };
        let address = |options: &S3Options, method| {
            S3Bucket::new(options)
                .expect("a bucket")
                .address(method, "nar/x.nar")
        };
        assert_eq!(
            address(&options, Method::Get),
            "http://127.0.0.1:9000/cache/nix/nar/x.nar"
        );
        options.endpoint = None;
        assert_eq!(
            address(&options, Method::Get),
            "https://cache.s3.eu-west-1.amazonaws.com/nix/nar/x.nar"
        );
        options.credentials = Some(("id".to_owned(), "secret".to_owned(), None));
        let get = address(&options, Method::Get);
        assert!(get.contains("X-Amz-Signature="), "{get}");
        assert_ne!(get, address(&options, Method::Put));
    }
}
