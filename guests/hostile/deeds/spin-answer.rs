//! Asks a question, and loops when it is answered.

use taskhost_hostile::bindings::taskhost::plugin::types::Question;
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let ask = |_| {
            Observation::InputRequired(vec![Question {
                key: "q".into(),
                message: "Well?".into(),
                schema: r#"{"type":"object"}"#.into(),
            }])
        };
        Ok(works.iter().map(ask).collect())
    }

    async fn answer(_work: Work) -> Result<(), Error> {
        spin()
    }
}

hostile!(Deed);
