//! Asking what is deployed, for as long as the component lives.
//!
//! A deployment adds handlers at any time, and there is nothing that would tell of it.

use std::rc::Rc;

use taskhost_sdk::{Error, Task, events, time, tracing};

use crate::Backend;
use crate::catalogue::{Catalogue, Deployed};

/// Looks again and again, and tells the host of what has changed.
pub(crate) async fn run(backend: Rc<Backend>) {
    let mut was_reached = true;
    loop {
        let looked = look(&backend).await;
        if let (Err(error), true) = (&looked, was_reached) {
            tracing::warn!(
                error = error.words(),
                "Restate's admin interface cannot be asked"
            );
        }
        was_reached = looked.is_ok();
        time::sleep(backend.config.discover_every()).await;
    }
}

/// What is on offer. Asks for it where it is not known yet.
pub(crate) async fn tasks(backend: &Backend) -> Result<Vec<Task>, Error> {
    if backend.catalogue.borrow().is_none() {
        look(backend).await?;
    }
    let catalogue = backend.catalogue.borrow();
    let definitions = catalogue.iter().flat_map(Catalogue::definitions);
    Ok(definitions.map(Task::from).collect())
}

/// One look.
pub(crate) async fn look(backend: &Backend) -> Result<(), Error> {
    let deployed: Deployed = backend.server.services().await?;
    let catalogue = Catalogue::new(&backend.config, &deployed);
    let is_news = backend.catalogue.borrow().as_ref() != Some(&catalogue);
    if is_news {
        backend.catalogue.replace(Some(catalogue));
        events::catalog_changed();
    }
    Ok(())
}
