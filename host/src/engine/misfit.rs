//! Where a component and this host differ, import by import.
//!
//! The linker stops at the first thing that does not fit, and says it in the words of its types. Here the
//! component's interface is read from its bytes and compared with `wit/`, item by item, so that an author sees
//! all that is to be changed. Nothing of the component runs.

use std::collections::BTreeMap;

use wit_component::DecodedWasm;
use wit_parser::{
    Function, Handle, InterfaceId, Resolve, SourceMap, Type, TypeDefKind, TypeId, WorldId,
    WorldItem, WorldKey,
};

use super::component::{self, INTERFACE, is_compatible};

/// A package of interfaces that is this host's own.
struct Own {
    /// What begins the names of its interfaces.
    prefix: &'static str,
    version: &'static str,
    /// Its files in `wit/`, as they were when this host was built.
    files: &'static [(&'static str, &'static str)],
}

const OWN: [Own; 2] = [
    Own {
        prefix: "taskhost:plugin/",
        version: INTERFACE,
        files: &PLUGIN,
    },
    Own {
        prefix: "taskhost:durable/",
        version: component::DURABLE,
        files: &DURABLE,
    },
];

const PLUGIN: [(&str, &str); 5] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("host.wit", include_str!("../../../wit/host.wit")),
    ("backend.wit", include_str!("../../../wit/backend.wit")),
    ("strategy.wit", include_str!("../../../wit/strategy.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
];

const DURABLE: [(&str, &str); 3] = [
    (
        "orchestrator.wit",
        include_str!("../../../wit/durable/orchestrator.wit"),
    ),
    (
        "activities.wit",
        include_str!("../../../wit/durable/activities.wit"),
    ),
    (
        "engine.wit",
        include_str!("../../../wit/durable/engine.wit"),
    ),
];

/// Packages of WASI that are linked, in versions 0.2 and 0.3.
const WASI: [&str; 7] = [
    "cli",
    "clocks",
    "filesystem",
    "http",
    "io",
    "random",
    "sockets",
];

/// What in the component `bytes` is otherwise than this host has it, one line for each. Empty where nothing was
/// found.
pub(super) fn differences(bytes: &[u8]) -> Vec<String> {
    match wit_component::decode(bytes) {
        Ok(DecodedWasm::Component(guest, world)) => between(&guest, world),
        _ => Vec::new(),
    }
}

fn between(guest: &Resolve, world: WorldId) -> Vec<String> {
    let (Some(host), Some(world)) = (own_interface(), guest.worlds.get(world)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, item) in &world.imports {
        if let WorldItem::Interface { id, .. } = item {
            import(guest, key, *id, &host, &mut found);
        } else {
            found.push(format!(
                "import `{}`: this host offers interfaces only",
                guest.name_world_key(key)
            ));
        }
    }
    for (key, item) in &world.exports {
        if let WorldItem::Interface { id, .. } = item {
            export(guest, key, *id, &host, &mut found);
        }
    }
    found
}

/// Items of an interface by name, each as text.
type Items = BTreeMap<String, String>;

fn import(
    guest: &Resolve,
    key: &WorldKey,
    id: InterfaceId,
    host: &BTreeMap<String, Items>,
    found: &mut Vec<String>,
) {
    let full = guest.name_world_key(key);
    let Some(name) = ours(&full) else {
        if !offered(&full) {
            found.push(format!("import `{full}`: not offered by this host"));
        }
        return;
    };
    let Some(known) = host.get(name) else {
        let names: Vec<_> = host.keys().map(String::as_str).collect();
        found.push(format!(
            "import `{full}`: unknown here; there are {}",
            names.join(", ")
        ));
        return;
    };
    if let Some(spoken) = spoken_instead(&full) {
        found.push(format!("import `{full}`: this host speaks {spoken}"));
    }
    for (item, theirs) in items(guest, id) {
        match known.get(&item) {
            None => found.push(format!("import `{full}`: `{item}` is unknown here")),
            Some(ours) if *ours != theirs => found.push(format!(
                "import `{full}`: `{item}` is `{theirs}` there, and `{ours}` here"
            )),
            Some(_) => {}
        }
    }
}

fn export(
    guest: &Resolve,
    key: &WorldKey,
    id: InterfaceId,
    host: &BTreeMap<String, Items>,
    found: &mut Vec<String>,
) {
    let full = guest.name_world_key(key);
    let Some(known) = ours(&full).and_then(|name| host.get(name)) else {
        return;
    };
    if let Some(spoken) = spoken_instead(&full) {
        found.push(format!("export `{full}`: this host speaks {spoken}"));
    }
    let theirs = items(guest, id);
    for (item, ours) in known {
        match theirs.get(item) {
            // A type that the component does not name it does not use.
            None if ours.contains("func(") => {
                found.push(format!("export `{full}`: `{item}` is missing"));
            }
            Some(theirs) if theirs != ours => found.push(format!(
                "export `{full}`: `{item}` is `{theirs}` there, and `{ours}` here"
            )),
            _ => {}
        }
    }
}

/// The name of an interface of our own, without its version.
fn ours(full: &str) -> Option<&str> {
    package_of(full)?;
    Some(full.split_once('@').map_or(full, |(name, _)| name))
}

/// The version that this host speaks of an interface of our own, where that is another one than `full` says.
fn spoken_instead(full: &str) -> Option<&'static str> {
    let (_, theirs) = full.split_once('@').unwrap_or((full, ""));
    let package = package_of(full)?;
    (!is_compatible(theirs, package.version)).then_some(package.version)
}

fn package_of(full: &str) -> Option<Own> {
    OWN.into_iter()
        .find(|package| full.starts_with(package.prefix))
}

fn offered(full: &str) -> bool {
    let Some((package, version)) = full
        .strip_prefix("wasi:")
        .and_then(|rest| rest.split_once('/'))
        .and_then(|(package, rest)| Some((package, rest.split_once('@')?.1)))
    else {
        return false;
    };
    WASI.contains(&package) && (version.starts_with("0.2.") || version.starts_with("0.3."))
}

/// Interfaces of this host's packages by name.
fn own_interface() -> Option<BTreeMap<String, Items>> {
    let mut own = BTreeMap::new();
    for Own { prefix, files, .. } in OWN {
        let mut sources = SourceMap::default();
        for (name, text) in files.iter().copied() {
            sources.push_str(name, text);
        }
        let mut resolve = Resolve::default();
        let package = resolve.push_group(sources.parse().ok()?).ok()?;
        let interfaces = &resolve.packages.get(package)?.interfaces;
        let named = interfaces.iter();
        own.extend(named.map(|(name, id)| (format!("{prefix}{name}"), items(&resolve, *id))));
    }
    Some(own)
}

fn items(resolve: &Resolve, id: InterfaceId) -> Items {
    let Some(interface) = resolve.interfaces.get(id) else {
        return Items::new();
    };
    let types = interface
        .types
        .iter()
        .map(|(name, id)| (name.clone(), definition(resolve, *id)));
    let functions = interface
        .functions
        .iter()
        .map(|(name, function)| (name.clone(), signature(resolve, function)));
    types.chain(functions).collect()
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, text(resolve, &parameter.ty)))
        .collect();
    let asynchronous = if function.kind.is_async() {
        "async "
    } else {
        ""
    };
    let result = function
        .result
        .as_ref()
        .map(|result| format!(" -> {}", text(resolve, result)))
        .unwrap_or_default();
    format!("{asynchronous}func({}){result}", parameters.join(", "))
}

/// A type by its name, or, where it has none, by what it is.
fn text(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match resolve.types.get(*id) {
            Some(definition) => match &definition.name {
                Some(name) => name.clone(),
                None => self::definition(resolve, *id),
            },
            None => "unknown".to_owned(),
        },
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::F32 => "f32".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::ErrorContext => "error-context".to_owned(),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let Some(definition) = resolve.types.get(id) else {
        return "unknown".to_owned();
    };
    let one = |ty: &Type| text(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), one);
    match &definition.kind {
        TypeDefKind::Record(record) => {
            let fields = record
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.name, one(&field.ty)));
            format!("record {{ {} }}", joined(fields))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| match &case.ty {
                Some(ty) => format!("{}({})", case.name, one(ty)),
                None => case.name.clone(),
            });
            format!("variant {{ {} }}", joined(cases))
        }
        TypeDefKind::Enum(cases) => {
            let cases = cases.cases.iter().map(|case| case.name.clone());
            format!("enum {{ {} }}", joined(cases))
        }
        TypeDefKind::Flags(flags) => {
            let flags = flags.flags.iter().map(|flag| flag.name.clone());
            format!("flags {{ {} }}", joined(flags))
        }
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", joined(tuple.types.iter().map(one))),
        TypeDefKind::Option(inner) => format!("option<{}>", one(inner)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err))
        }
        TypeDefKind::List(inner) => format!("list<{}>", one(inner)),
        TypeDefKind::FixedLengthList(inner, length) => format!("list<{}, {length}>", one(inner)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", one(key), one(value)),
        TypeDefKind::Future(inner) => format!("future<{}>", maybe(inner)),
        TypeDefKind::Stream(inner) => format!("stream<{}>", maybe(inner)),
        TypeDefKind::Handle(Handle::Own(id)) => text(resolve, &Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => {
            format!("borrow<{}>", text(resolve, &Type::Id(*id)))
        }
        // `use` of another interface's type: the same by whatever way it came here.
        TypeDefKind::Type(Type::Id(id)) => self::definition(resolve, *id),
        TypeDefKind::Type(ty) => one(ty),
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Unknown => "unknown".to_owned(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(from: &str, to: &str) -> Vec<String> {
        let wit: Vec<_> = PLUGIN
            .iter()
            .map(|(name, text)| (*name, text.replace(from, to)))
            .collect();
        assert!(
            from == to
                || wit
                    .iter()
                    .zip(PLUGIN)
                    .any(|((_, new), (_, old))| new != old),
            "nothing was changed"
        );
        let wit = wit.iter().map(|(name, text)| (*name, text.as_str()));
        differences_of(wit, "backend-plugin")
    }

    fn differences_of<'a>(
        wit: impl Iterator<Item = (&'a str, &'a str)>,
        world: &str,
    ) -> Vec<String> {
        let mut sources = SourceMap::default();
        for (name, text) in wit {
            sources.push_str(name, text);
        }
        let mut resolve = Resolve::default();
        let package = resolve.push_group(sources.parse().unwrap()).unwrap();
        let world = resolve.select_world(&[package], Some(world));
        between(&resolve, world.unwrap())
    }

    /// Whatever a component of that time uses and exports is still here, and is the same.
    #[test]
    fn what_was_released_in_a_compatible_version_differs_in_nothing() {
        let released = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/released");
        for entry in std::fs::read_dir(released).unwrap() {
            let version = entry.unwrap();
            if !is_compatible(version.file_name().to_str().unwrap(), INTERFACE) {
                continue;
            }
            let text = |(name, _)| {
                (
                    name,
                    std::fs::read_to_string(version.path().join(name)).unwrap(),
                )
            };
            let wit = PLUGIN.map(text);
            for world in ["backend-plugin", "strategy-plugin"] {
                let wit = wit.iter().map(|(name, text)| (*name, text.as_str()));
                assert_eq!(differences_of(wit, world), Vec::<String>::new());
            }
        }
    }

    #[test]
    fn a_component_of_this_interface_differs_in_nothing() {
        assert_eq!(changed("", ""), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named_with_its_import() {
        let found = changed(
            "sleep: async func(ms: u64);",
            "sleep: async func(ms: u32); nap: func();",
        );
        assert_eq!(
            found,
            [
                "import `taskhost:plugin/timers@0.1.1`: `nap` is unknown here",
                "import `taskhost:plugin/timers@0.1.1`: `sleep` is `async func(ms: u32)` there, and `async \
                 func(ms: u64)` here",
            ]
        );
    }

    #[test]
    fn a_function_that_is_not_exported_is_missing() {
        let found = changed(
            "  release: async func(work: work) -> result<_, error>;\n",
            "",
        );
        assert_eq!(
            found,
            ["export `taskhost:plugin/backend@0.1.1`: `release` is missing"]
        );
    }

    #[test]
    fn another_version_is_named_for_each_import() {
        let found = changed("taskhost:plugin@0.1.1", "taskhost:plugin@0.4.0");
        assert!(
            found.iter().any(
                |line| line == "import `taskhost:plugin/logging@0.4.0`: this host speaks 0.1.1"
            )
        );
    }
}
