//! Who may read, answer and cancel a task, given its id.
//!
//! | the task belongs to | `owner` | `group` | `id` |
//! |---|---|---|---|
//! | the caller | yes | yes | yes |
//! | nobody in particular | yes | yes | yes |
//! | one in a group of the caller's | no | yes | yes |
//! | anybody else | no | no | yes |
//!
//! A caller who is nobody in particular has the tasks of nobody and no others, whatever the operator
//! shares.
//!
//! Nothing here gives out ids: lists show a caller its own tasks only. What belongs to nobody was started
//! where the id was the only key, and stays so when the operator begins to ask who callers are: no task
//! is lost by that, and nobody reaches one who could not reach it before.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Principal;

/// Who besides its owner may act on a task whose id they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// No one.
    #[default]
    Owner,
    /// Who has a group in common with the owner.
    Group,
    /// Everyone who has a name.
    Id,
}

/// The rule, and the groups that it speaks of.
///
/// Groups are those of the configuration now, not those of the day on which a task was started: whoever
/// leaves a group loses its tasks.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    share: Share,
    groups: BTreeMap<Principal, BTreeSet<String>>,
}

impl Sharing {
    /// `share` among these principals.
    pub fn new(share: Share, groups: BTreeMap<Principal, BTreeSet<String>>) -> Self {
        Self { share, groups }
    }

    /// Whether `caller` may act on a task of `owner`'s whose id it holds.
    pub fn allows(&self, caller: &Principal, owner: &Principal) -> bool {
        if caller == owner || owner.is_nobody() {
            return true;
        }
        if caller.is_nobody() {
            return false;
        }
        match self.share {
            Share::Owner => false,
            Share::Group => self.have_a_group_in_common(caller, owner),
            Share::Id => true,
        }
    }

    fn have_a_group_in_common(&self, one: &Principal, other: &Principal) -> bool {
        match (self.groups.get(one), self.groups.get(other)) {
            (Some(one), Some(other)) => !one.is_disjoint(other),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In no group, in one, in another, in both, and the two of the host.
    const ALL: [&str; 6] = ["alone", "ops", "dev", "both", "local", "nobody"];

    #[test]
    fn every_pair_of_principals_under_every_rule() {
        for share in [Share::Owner, Share::Group, Share::Id] {
            let sharing = sharing(share);
            for caller in ALL {
                for owner in ALL {
                    let expected = match (share, caller, owner) {
                        (_, caller, owner) if caller == owner => true,
                        (_, _, "nobody") => true,
                        (_, "nobody", _) | (Share::Owner, _, _) => false,
                        (Share::Group, "both", "ops" | "dev")
                        | (Share::Group, "ops" | "dev", "both")
                        | (Share::Id, _, _) => true,
                        (Share::Group, _, _) => false,
                    };
                    assert_eq!(
                        sharing.allows(&principal(caller), &principal(owner)),
                        expected,
                        "{share:?}: {caller} and a task of {owner}"
                    );
                }
            }
        }
    }

    #[test]
    fn whoever_is_no_longer_in_the_configuration_has_no_groups() {
        let sharing = sharing(Share::Group);
        let gone = Principal::named("gone").unwrap();
        assert!(!sharing.allows(&principal("both"), &gone));
        assert!(!sharing.allows(&gone, &principal("both")));
    }

    fn sharing(share: Share) -> Sharing {
        let groups = [
            ("alone", &[][..]),
            ("ops", &["ops"]),
            ("dev", &["dev"]),
            ("both", &["dev", "ops"]),
        ];
        let groups = groups.map(|(name, groups)| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            (principal(name), groups)
        });
        Sharing::new(share, groups.into())
    }

    fn principal(name: &str) -> Principal {
        match name {
            "local" => Principal::local(),
            "nobody" => Principal::nobody(),
            name => Principal::named(name).unwrap(),
        }
    }
}
