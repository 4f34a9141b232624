//! The store as components see it: one small map each.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::plugin::ComponentMap;
use crate::store::Store;

/// The maps of all components, in the store.
pub struct StoredMaps(pub Arc<dyn Store>);

impl ComponentMap for StoredMaps {
    fn get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.0
            .component_get(component, key)
            .map_err(|error| error.to_string())
    }

    fn size(&self, component: &str) -> Result<u64, String> {
        self.0
            .component_size(component)
            .map_err(|error| error.to_string())
    }

    fn set(
        &self,
        component: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), String>> {
        let write = self.0.component_set(component, key, value);
        Box::pin(async move { write.await.map_err(|error| error.to_string()) })
    }

    fn swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<bool, String>> {
        let write = self.0.component_swap(component, key, expected, value);
        Box::pin(async move { write.await.map_err(|error| error.to_string()) })
    }

    fn keys(&self, component: &str, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        self.0
            .component_keys(component, prefix, limit)
            .map_err(|error| error.to_string())
    }
}
