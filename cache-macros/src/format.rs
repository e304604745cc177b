//! The format number, by which generator, macros and store check that they fit together.

/// Format of the code that these macros write. It is raised, together with those in `cache-core` (`registry!` and the
/// check of the derive) and in the generator, whenever older generated code would no longer compile or would mean
/// something else.
pub(crate) const FORMAT: u32 = 1;

/// Says which crates do not match, and which one to update.
///
/// `core` is the format of `cache-core`, `generated` that of the generator (`None` in a registry written by hand), and
/// `macros` that of this crate.
pub(crate) fn mismatch(core: u32, generated: Option<u32>, macros: u32) -> Option<String> {
    if core != macros {
        let (old, new) =
            if core < macros { ("cache-core", "cache-macros") } else { ("cache-macros", "cache-core") };
        return Some(format!(
            "`cache-core` reads registries of format {core}, `cache-macros` writes format {macros}: \
             `{old}` is older than `{new}`; update it with `cargo update -p {old}`"
        ));
    }
    let generated = generated.filter(|&generated| generated != core)?;
    let written = format!(
        "the registry was generated in format {generated}, but this `cache-core` reads format {core}: "
    );
    Some(if generated < core {
        written + "update `cache-codegen` in `[build-dependencies]` to the release of `cache-core`"
    } else {
        written + "update `cache-core` in `[dependencies]` to the release of `cache-codegen`"
    })
}

#[cfg(test)]
mod tests {
    use super::mismatch;

    #[track_caller]
    fn tells(core: u32, generated: Option<u32>, macros: u32, part: &str) {
        let message = mismatch(core, generated, macros).unwrap();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn equal_numbers_fit() {
        assert_eq!(mismatch(3, Some(3), 3), None);
        assert_eq!(mismatch(3, None, 3), None);
    }

    #[test]
    fn the_older_crate_is_named() {
        tells(1, Some(2), 1, "update `cache-core`");
        tells(2, Some(1), 2, "update `cache-codegen`");
        tells(1, Some(1), 2, "cargo update -p cache-core");
        tells(2, Some(2), 1, "cargo update -p cache-macros");
    }
}
