//! What can be done with a task.

/// What one call does with one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begins it.
    Start,
    /// Looks how far it is.
    Status,
    /// Gets what came of it.
    Result,
    /// Answers one of its questions.
    Answer,
    /// Asks it to stop.
    Cancel,
}

impl Action {
    /// All of them, in the order in which tools are listed.
    pub const ALL: [Self; 5] = [
        Self::Start,
        Self::Status,
        Self::Result,
        Self::Answer,
        Self::Cancel,
    ];

    /// The word for it in routes and in names of tools.
    ///
    /// None of these begins or ends another one, so that two tools never share a name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Status => "status",
            Self::Result => "result",
            Self::Answer => "answer",
            Self::Cancel => "cancel",
        }
    }

    /// The route of a tool that does this with `task`.
    pub fn route(self, task: &str) -> String {
        format!("{}:{task}", self.word())
    }

    /// Action and task of a route.
    pub fn read(route: &str) -> Option<(Self, &str)> {
        let (word, task) = route.split_once(':')?;
        let action = Self::ALL.into_iter().find(|action| action.word() == word)?;
        Some((action, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_reads_as_it_was_written() {
        for action in Action::ALL {
            let route = action.route("reports.monthly");
            assert_eq!(Action::read(&route), Some((action, "reports.monthly")));
        }
        assert_eq!(Action::read("dance:count"), None);
    }

    #[test]
    fn no_word_begins_or_ends_another() {
        for one in Action::ALL {
            for other in Action::ALL.into_iter().filter(|other| *other != one) {
                assert!(!one.word().starts_with(other.word()));
                assert!(!one.word().ends_with(other.word()));
            }
        }
    }
}
