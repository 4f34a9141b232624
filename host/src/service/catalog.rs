//! All tasks that can be started: one immutable snapshot, swapped whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Service;
use super::toolbox::Refused;
use crate::plugin::{Backend, CallError};
use crate::schema::Validator;
use crate::task::Definition;

/// What can be started, by name. Names are unique over all backends: the first one configured has it.
#[derive(Debug, Default)]
pub struct Catalog {
    offers: BTreeMap<String, Arc<Offer>>,
    /// What each backend last said it can run.
    backends: BTreeMap<String, Arc<Vec<Arc<Offer>>>>,
}

/// One task that can be started, and who runs it.
#[derive(Debug)]
pub struct Offer {
    /// What it is.
    pub definition: Definition,
    /// Configured name of the backend.
    pub backend: String,
    /// Checks its arguments.
    pub arguments: Validator,
}

impl Catalog {
    /// The offer with this name.
    pub fn find(&self, task: &str) -> Option<&Arc<Offer>> {
        self.offers.get(task)
    }

    /// All of them, by name.
    pub fn definitions(&self) -> Vec<Definition> {
        self.offers
            .values()
            .map(|offer| offer.definition.clone())
            .collect()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.offers.keys().map(String::as_str)
    }

    /// Whether all of so many backends have said what they can run.
    pub fn is_complete(&self, backends: usize) -> bool {
        self.backends.len() >= backends
    }

    /// This catalogue with `backend` offering `offers` and nothing else.
    fn with(&self, backend: &str, offers: Vec<Arc<Offer>>) -> Self {
        let mut backends = self.backends.clone();
        backends.insert(backend.to_owned(), Arc::new(offers));
        let mut merged: BTreeMap<String, Arc<Offer>> = BTreeMap::new();
        let mut hidden = Refused::default();
        for offer in backends.values().flat_map(|offers| offers.iter()) {
            let name = &offer.definition.name;
            match merged.get(name) {
                None => {
                    merged.insert(name.clone(), offer.clone());
                }
                Some(first) => hidden.add(|| {
                    format!(
                        "`{name}` of backend `{}` is hidden by that of `{}` [TH0311]",
                        offer.backend, first.backend
                    )
                }),
            }
        }
        hidden.log(backend);
        Self {
            offers: merged,
            backends,
        }
    }

    fn definitions_of(&self, backend: &str) -> Option<Vec<&Definition>> {
        let offers = self.backends.get(backend)?;
        Some(offers.iter().map(|offer| &offer.definition).collect())
    }
}

impl Service {
    /// Asks `backend` what it can run, and swaps the catalogue if that is something else than before, which
    /// it says.
    pub(super) async fn refresh_catalog(&self, backend: &dyn Backend) -> Result<bool, CallError> {
        let definitions = backend.list_tasks().await?;
        let name = backend.name();
        let same = |catalog: &Catalog| {
            catalog
                .definitions_of(name)
                .is_some_and(|before| before.iter().copied().eq(definitions.iter()))
        };
        if same(&self.0.catalog.borrow()) {
            return Ok(false);
        }
        let named = name.to_owned();
        // Ten thousand schemas are a second of work: done where nobody waits.
        let compiled = tokio::task::spawn_blocking(move || offers(&named, definitions)).await;
        let Ok(offers) = compiled else {
            tracing::error!(
                backend = name,
                "its catalogue cannot be read: a defect of the host"
            );
            return Ok(false);
        };
        tracing::info!(
            backend = name,
            tasks = offers.len(),
            "the catalogue has changed"
        );
        self.0
            .catalog
            .send_modify(|catalog| *catalog = Arc::new(catalog.with(name, offers)));
        Ok(true)
    }
}

/// One broken schema costs that task and no other.
fn offers(backend: &str, definitions: Vec<Definition>) -> Vec<Arc<Offer>> {
    let mut refused = Refused::default();
    let mut offers = Vec::new();
    for definition in definitions {
        match Validator::compile(&definition.input_schema) {
            Ok(arguments) => offers.push(Arc::new(Offer {
                definition,
                backend: backend.to_owned(),
                arguments,
            })),
            Err(why) => refused.add(|| {
                format!(
                    "`{}` is not offered [TH0310]: its input schema does not compile: {why}",
                    definition.name
                )
            }),
        }
    }
    refused.log(backend);
    offers
}
