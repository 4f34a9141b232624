//! Who may come in over HTTP, and which groups they are in.
//!
//! ```toml
//! [server.auth.alice]
//! tokens = ["sha256:…"]     # from `taskhost token alice`; two while one replaces the other
//! groups = ["ops"]
//! ```
//!
//! **Invariant:** no error repeats what stands where a hash belongs: it may be a token.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::mistake::ConfigError;
use crate::task::principal::check_name;
use crate::task::{Principal, Share, Sharing};
use crate::token::TokenHash;

/// `[server.auth]`: principals by name.
pub type AuthTable = BTreeMap<String, PrincipalTable>;

/// `[server.auth.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PrincipalTable {
    /// Hashes of its tokens. Any of them will do.
    pub tokens: Vec<String>,
    /// Groups that it is in. What they are good for is up to `share`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Who is known by what, and who may do what to the tasks of others.
pub(super) fn principals(
    table: &AuthTable,
    share: Share,
) -> Result<(Vec<(TokenHash, Principal)>, Sharing), ConfigError> {
    if table.is_empty() {
        return Err(ConfigError::NoPrincipals);
    }
    let mut bearers: Vec<(TokenHash, Principal)> = Vec::new();
    let mut groups = BTreeMap::new();
    for (name, row) in table {
        let principal = Principal::named(name).map_err(|source| ConfigError::Principal {
            what: "principal",
            name: name.clone(),
            source,
        })?;
        if row.tokens.is_empty() {
            return Err(ConfigError::NoToken { name: name.clone() });
        }
        for (index, text) in row.tokens.iter().enumerate() {
            let hash: TokenHash = text.parse().map_err(|source| ConfigError::TokenHash {
                name: name.clone(),
                place: index + 1,
                source,
            })?;
            if let Some((_, other)) = bearers.iter().find(|(known, _)| *known == hash) {
                return Err(ConfigError::SameToken {
                    name: name.clone(),
                    other: other.name().to_owned(),
                });
            }
            bearers.push((hash, principal.clone()));
        }
        for group in &row.groups {
            check_name(group).map_err(|source| ConfigError::Principal {
                what: "group",
                name: group.clone(),
                source,
            })?;
        }
        groups.insert(
            principal,
            row.groups.iter().cloned().collect::<BTreeSet<_>>(),
        );
    }
    Ok((bearers, Sharing::new(share, groups)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Explain as _, Report, render};
    use crate::token::Token;

    #[test]
    fn a_principal_is_known_by_each_of_its_tokens() {
        let (old, new) = (hash(), hash());
        let table = [("alice".to_owned(), row(&[&old, &new], &["ops"]))];
        let (bearers, _) = principals(&table.into(), Share::Owner).unwrap();
        let shown: Vec<_> = bearers
            .iter()
            .map(|(hash, principal)| (hash.to_string(), principal.name()))
            .collect();
        assert_eq!(shown, [(old, "alice"), (new, "alice")]);
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_a_token() {
        let token = Token::fresh().unwrap();
        let good = hash();
        for (name, row, code) in [
            ("alice", row(&[], &[]), 114),
            ("alice", row(&[token.text()], &[]), 115),
            ("alice", row(&[""], &[]), 115),
            ("alice", row(&[&good, &good], &[]), 116),
            ("a b", row(&[&good], &[]), 117),
            ("local", row(&[&good], &[]), 117),
            ("alice", row(&[&good], &["on call"]), 117),
        ] {
            let table = [(name.to_owned(), row)];
            let error = principals(&table.into(), Share::Owner).unwrap_err();
            assert_eq!(error.code().0, code, "{error}");
            let text = render(&Report::from(&error));
            assert!(text.contains("help: "), "{text}");
            assert!(!text.contains(token.text()), "{text}");
        }
        let nobody = principals(&AuthTable::new(), Share::Owner).unwrap_err();
        assert_eq!(nobody.code().0, 113);
    }

    fn hash() -> String {
        Token::fresh().unwrap().hash().to_string()
    }

    fn row(tokens: &[&str], groups: &[&str]) -> PrincipalTable {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        PrincipalTable {
            tokens: owned(tokens),
            groups: owned(groups),
        }
    }
}
