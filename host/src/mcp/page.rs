//! Lists, page by page.
//!
//! A cursor is opaque to clients and stands for a place in a list; a list that has changed meanwhile is
//! read on from the same place, which is all that the protocol asks for (`server/utilities/pagination`).

use data_encoding::BASE64URL_NOPAD;
use rmcp::ErrorData;
use rmcp::model::PaginatedRequestParams;

/// Entries on one page. Some clients read the first page alone, and few hosts have more.
pub(super) const PAGE: usize = 250;

/// The page that `request` asks for, and the cursor of the next one.
pub(super) fn cut<T>(
    items: Vec<T>,
    request: Option<PaginatedRequestParams>,
) -> Result<(Vec<T>, Option<String>), ErrorData> {
    let from: usize = match request.and_then(|request| request.cursor) {
        None => 0,
        Some(cursor) => read(&cursor)?.parse().map_err(|_| unknown())?,
    };
    if from > items.len() {
        return Err(unknown());
    }
    let rest = items.len() - from;
    let page = items.into_iter().skip(from).take(PAGE).collect();
    let next = (rest > PAGE).then(|| write(&(from + PAGE).to_string()));
    Ok((page, next))
}

/// The cursor for a place.
pub(super) fn write(place: &str) -> String {
    BASE64URL_NOPAD.encode(format!("at:{place}").as_bytes())
}

/// The place behind a cursor.
pub(super) fn read(cursor: &str) -> Result<String, ErrorData> {
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| unknown())?;
    let text = String::from_utf8(bytes).map_err(|_| unknown())?;
    Ok(text.strip_prefix("at:").ok_or_else(unknown)?.to_owned())
}

fn unknown() -> ErrorData {
    ErrorData::invalid_params("unknown cursor: begin with the first page", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_together_are_the_list() {
        let items: Vec<usize> = (0..=2 * PAGE).collect();
        let mut read = Vec::new();
        let mut cursor = None;
        loop {
            let request = PaginatedRequestParams::default().with_cursor(cursor.take());
            let (page, next) = cut(items.clone(), Some(request)).unwrap();
            read.extend(page);
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(read, items);
    }

    #[test]
    fn any_other_cursor_is_refused() {
        for cursor in ["2", "", "!!", &write("x"), &write("99")] {
            let request = PaginatedRequestParams::default().with_cursor(Some(cursor.to_owned()));
            assert!(cut(vec![1, 2], Some(request)).is_err(), "{cursor}");
        }
    }
}
