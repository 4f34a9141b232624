//! Resources: three documents, and a template for as many as one likes.

use serde_json::json;

use crate::content;
use taskhost_sdk::{Document, DocumentBody, Error};

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";

/// The template, and what is before and after its one variable.
pub(crate) const TEMPLATE: &str = "test://template/{id}/data";
const BEFORE: &str = "test://template/";
const AFTER: &str = "/data";

pub(crate) fn list() -> Vec<Document> {
    vec![
        document(TEXT, "Static text", "text/plain", "A text for testing"),
        document(
            BINARY,
            "Static binary",
            "image/png",
            "An image of one red pixel",
        ),
        document(
            WATCHED,
            "Watched",
            "text/plain",
            "A text that is said to change",
        ),
    ]
}

pub(crate) fn templates() -> Vec<Document> {
    vec![document(
        TEMPLATE,
        "Template",
        "application/json",
        "A document for each id",
    )]
}

pub(crate) fn read(uri: &str) -> Result<(Document, DocumentBody), Error> {
    if let Some(id) = id(uri) {
        let text = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
        let one = document(uri, "Template", "application/json", "One of the template");
        return Ok((one, DocumentBody::Text(text.to_string())));
    }
    let document = list()
        .into_iter()
        .find(|document| document.uri == uri)
        .ok_or_else(|| Error::UnknownTask(format!("there is no resource {uri}")))?;
    let body = match uri {
        BINARY => DocumentBody::Blob(content::RED.to_vec()),
        WATCHED => DocumentBody::Text("This is the content of the watched resource.".into()),
        _ => DocumentBody::Text("This is the content of the static text resource.".into()),
    };
    Ok((document, body))
}

/// What stands for the variable of the template.
fn id(uri: &str) -> Option<&str> {
    uri.strip_prefix(BEFORE)?
        .strip_suffix(AFTER)
        .filter(|id| !id.is_empty() && !id.contains('/'))
}

fn document(uri: &str, name: &str, mime_type: &str, description: &str) -> Document {
    Document {
        uri: uri.into(),
        name: name.into(),
        mime_type: Some(mime_type.into()),
        description: Some(description.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_that_is_listed_can_be_read() {
        for listed in list() {
            let (document, _) = read(&listed.uri).unwrap();
            assert_eq!(document, listed);
        }
    }

    #[test]
    fn a_template_is_filled_in_and_not_a_document() {
        assert_eq!(TEMPLATE, format!("{BEFORE}{{id}}{AFTER}"));
        let Ok((_, DocumentBody::Text(text))) = read("test://template/123/data") else {
            panic!("no text")
        };
        assert!(text.contains("123"), "{text}");
        assert!(read("test://template//data").is_err());
        assert!(read("test://nothing").is_err());
    }
}
