//! Ed25519 keys that sign and verify: written like signatures, `name:base64`.
//!
//! A secret key is its seed followed by the public key, 64 bytes in all. The name says which of
//! several trusted keys a signature claims to be by; it is no secret and proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use firn_hash::base64;

use crate::signature::parse_named_bytes;
use crate::{Signature, SignatureError};

/// A key that signs.
#[derive(Clone)]
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

impl SecretKey {
    /// Parses `name:base64`.
    pub fn parse(text: &str) -> Result<SecretKey, SignatureError> {
        let (name, bytes) =
            parse_named_bytes(text.trim_end()).ok_or(SignatureError::Corrupt("key"))?;
        let bytes: [u8; 64] = bytes
            .try_into()
            .map_err(|_| SignatureError::InvalidKey("secret key"))?;
        let key = SigningKey::from_keypair_bytes(&bytes)
            .map_err(|_| SignatureError::InvalidKey("secret key"))?;
        Ok(SecretKey { name, key })
    }

    /// Makes a key of 32 random bytes.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> SecretKey {
        SecretKey {
            name: name.into(),
            key: SigningKey::from_bytes(&seed),
        }
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that verifies what this one signs.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Signs a fingerprint.
    pub fn sign(&self, fingerprint: &[u8]) -> Signature {
        Signature {
            key_name: self.name.clone(),
            bytes: self.key.sign(fingerprint).to_bytes().into(),
        }
    }

    /// The text of the key, which is secret; there is no `Display` so that nobody prints it by
    /// accident.
    pub fn to_secret_text(&self) -> String {
        format!(
            "{}:{}",
            self.name,
            base64::encode(&self.key.to_keypair_bytes())
        )
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.name)
    }
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Parses `name:base64`.
    pub fn parse(text: &str) -> Result<PublicKey, SignatureError> {
        let (name, bytes) =
            parse_named_bytes(text.trim_end()).ok_or(SignatureError::Corrupt("key"))?;
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| SignatureError::InvalidKey("public key"))?;
        let key = VerifyingKey::from_bytes(&bytes)
            .map_err(|_| SignatureError::InvalidKey("public key"))?;
        Ok(PublicKey { name, key })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature` is by this key and on `fingerprint`.
    pub fn verify(&self, fingerprint: &[u8], signature: &Signature) -> bool {
        signature.key_name == self.name
            && ed25519_dalek::Signature::from_slice(&signature.bytes)
                .is_ok_and(|signature| self.key.verify_strict(fingerprint, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, base64::encode(self.key.as_bytes()))
    }
}

/// The keys that someone trusts, by name.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<String, PublicKey>);

impl PublicKeys {
    /// Parses several keys; of keys with the same name, the last counts.
    pub fn parse<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<PublicKeys, SignatureError> {
        texts.into_iter().map(PublicKey::parse).collect()
    }

    /// Whether no key is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `signature` is by one of the keys and on `fingerprint`.
    pub fn verify(&self, fingerprint: &[u8], signature: &Signature) -> bool {
        self.0
            .get(&signature.key_name)
            .is_some_and(|key| key.verify(fingerprint, signature))
    }

    /// How many of the signatures are good.
    pub fn count_good<'a>(
        &self,
        fingerprint: &[u8],
        signatures: impl IntoIterator<Item = &'a Signature>,
    ) -> usize {
        signatures
            .into_iter()
            .filter(|signature| self.verify(fingerprint, signature))
            .count()
    }
}

impl FromIterator<PublicKey> for PublicKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> PublicKeys {
        PublicKeys(
            keys.into_iter()
                .map(|key| (key.name.clone(), key))
                .collect(),
        )
    }
}
