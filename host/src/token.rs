//! Bearer tokens: made here, known by their hashes.
//!
//! The hash is SHA-256 and nothing slower. A slow hash protects what people make up, because it can be
//! guessed; a token is 256 bits of chance, which nobody guesses however cheap a try is. What is slow for a
//! thief is slow for each request too, and a way for strangers to keep the host busy.
//!
//! A token begins with [`PREFIX`], so that people and scanners for leaked secrets see what it is.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32HEX_NOPAD, HEXLOWER};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// How each token begins.
pub const PREFIX: &str = "taskhost_";
/// How a hash is written: this, and 64 hexadecimal digits.
const SCHEME: &str = "sha256:";

/// What shows who somebody is. Only ever said to its bearer.
pub struct Token(String);

impl Token {
    /// A new one. An error means that the system has no randomness to give.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut chance = [0; 32];
        getrandom::fill(&mut chance)?;
        let digits = BASE32HEX_NOPAD.encode(&chance).to_ascii_lowercase();
        Ok(Self(format!("{PREFIX}{digits}")))
    }

    /// The token itself.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What may be kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The hash of a token. Says whether a token is the one, and not which one it is.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of whatever somebody shows.
    pub fn of(shown: &[u8]) -> Self {
        Self(Sha256::digest(shown).into())
    }
}

/// Takes the same time whatever the two are. There is no other way to compare them.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no hash. Does not repeat it: it may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is `{SCHEME}` and 64 hexadecimal digits in lower case")]
pub struct NotAHash;

impl FromStr for TokenHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits = text.strip_prefix(SCHEME).ok_or(NotAHash)?;
        let bytes = HEXLOWER.decode(digits.as_bytes()).map_err(|_| NotAHash)?;
        Ok(Self(bytes.try_into().map_err(|_| NotAHash)?))
    }
}

/// Whether `text` has the look of a token somewhere.
pub fn is_in(text: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'v').contains(byte);
    text.split(PREFIX)
        .skip(1)
        .any(|rest| rest.bytes().take_while(|byte| digit(byte)).count() >= DIGITS)
}

/// 256 bits, five to a digit.
const DIGITS: usize = 52;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognized_by_its_hash_and_nothing_else_is() {
        let token = Token::fresh().unwrap();
        let kept: TokenHash = token.hash().to_string().parse().unwrap();
        assert_eq!(kept, TokenHash::of(token.text().as_bytes()));
        let other = Token::fresh().unwrap();
        assert_ne!(kept, other.hash());
        assert_ne!(kept, TokenHash::of(b""));
        assert_ne!(kept, TokenHash::of(&token.text().as_bytes()[1..]));
    }

    #[test]
    fn the_hash_is_what_other_tools_compute() {
        // printf abc | sha256sum
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of(b"abc").to_string(), abc);
    }

    #[test]
    fn a_token_is_seen_wherever_it_stands_and_a_hash_is_none() {
        let token = Token::fresh().unwrap();
        assert_eq!(token.text().len(), PREFIX.len() + DIGITS);
        assert!(is_in(&format!("tokens = [\"{}\"]", token.text())));
        assert!(!is_in(&format!("tokens = [\"{}\"]", token.hash())));
        assert!(!is_in("component = \"./taskhost_backend.wasm\""));
        assert!(!format!("{token:?}").contains(token.text()));
    }

    #[test]
    fn anything_else_is_no_hash() {
        let hash = TokenHash::of(b"abc").to_string();
        for text in [
            "",
            "sha256:",
            &hash[1..],
            &hash[..70],
            &hash.to_uppercase(),
            &format!("{hash}0"),
        ] {
            assert_eq!(text.parse::<TokenHash>(), Err(NotAHash), "{text}");
        }
    }
}
