//! The walk itself. Reads tokens, not syntax trees: it works where a parser would fail (syntax newer than the parser, a
//! broken function body), and needs no recursion.

mod hidden;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenTree};

use super::attributes::Attributes;
use super::cursor::{Cursor, PathText, UseName};
use super::heads::{
    declares_parameter, derives_among, extern_crate, macro_call, module_head, skip_to_end_of_type, type_head,
    visibility,
};
use super::lex::lex;
use super::location::Directory;
use super::{Fault, MacroItem, Missing, Module, ModuleId, ModuleKind, Scan, TypeItem, Use, Visibility};
use crate::cfg::{self, Cfg};
use crate::report::Diagnostic;
use crate::source::{Location, SourceFile};

/// How deep modules may nest. rustc itself fails long before.
const MAX_DEPTH: usize = 512;
/// How many modules one crate may have; stops files that `#[path]` includes from each other endlessly.
const MAX_MODULES: usize = 50_000;
/// How many bytes of source one crate may have. Token positions are 32 bits wide.
const MAX_BYTES: usize = 1 << 30;

pub(super) struct Walk<R> {
    read: R,
    scan: Scan,
    work: Vec<(Cursor, Context)>,
    bytes: usize,
    /// Macro calls outside of blocks. Which macros make modules of names is known only after the whole crate is walked.
    calls: Vec<(Ident, Group, Context)>,
    /// Macros that make modules of the names that they are given.
    module_macros: HashSet<String>,
}

/// Where the current tokens belong.
#[derive(Clone)]
struct Context {
    module: ModuleId,
    directory: Directory,
    depth: usize,
    block: Option<Block>,
}

/// The block that contains the current tokens; it becomes a module once something is declared in it.
#[derive(Clone)]
struct Block {
    name: String,
    cfgs: Vec<Cfg>,
    location: Location,
}

impl<R: FnMut(&Path) -> io::Result<Vec<u8>>> Walk<R> {
    pub(super) fn new(read: R) -> Self {
        Self {
            read,
            scan: Scan::default(),
            work: Vec::new(),
            bytes: 0,
            calls: Vec::new(),
            module_macros: HashSet::new(),
        }
    }

    pub(super) fn run(mut self, root: &Path) -> io::Result<Scan> {
        let bytes = (self.read)(root)?;
        let source = self.source(root, bytes, &[]);
        let location = Location::new(&source, 0..0);
        let module = Module::new("crate", ModuleKind::Root, None, &source, location);
        self.add_file_module(module, Directory::same_folder(root), 0);
        loop {
            while let Some((mut cursor, context)) = self.work.pop() {
                self.items(&mut cursor, context);
            }
            let Some((name, body, context)) = self.calls.pop() else { return Ok(self.scan) };
            if self.module_macros.contains(&name.to_string()) {
                self.modules_of_names(&name, &body, &context);
            }
        }
    }

    /// Adds one file, whatever its content; a file that is not text becomes an empty file and a fault.
    fn source(&mut self, path: &Path, bytes: Vec<u8>, cfgs: &[Cfg]) -> Arc<SourceFile> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        let text = if self.bytes > MAX_BYTES {
            Err(format!("`{}` is too large to be scanned", path.display()))
        } else {
            String::from_utf8(bytes).map_err(|_| format!("`{}` is not UTF-8 text", path.display()))
        };
        let (text, fault) = match text {
            Ok(text) => (text, None),
            Err(message) => (String::new(), Some(message)),
        };
        let source = SourceFile::new(path, text);
        if let Some(message) = fault {
            let location = Location::new(&source, 0..0);
            self.fault(Diagnostic::error(message).at(location, ""), cfgs.to_vec());
        }
        self.scan.files.push(Arc::clone(&source));
        source
    }

    fn fault(&mut self, diagnostic: Diagnostic, cfgs: Vec<Cfg>) {
        self.scan.faults.push(Fault { diagnostic, cfgs });
    }

    /// Conditions of an item in `module` that has these conditions of its own.
    fn cfgs(&self, module: Option<ModuleId>, own: &[Cfg]) -> Vec<Cfg> {
        let mut cfgs = module.map(|module| self.scan.cfgs(module)).unwrap_or_default();
        own.iter().for_each(|cfg| cfg::push(&mut cfgs, cfg.clone()));
        cfgs
    }

    fn add_file_module(&mut self, mut module: Module, directory: Directory, depth: usize) {
        match lex(module.source.text()) {
            Ok(tokens) => {
                let mut cursor = Cursor::new(tokens);
                module.add_cfgs(Attributes::inner(&mut cursor).cfgs);
                self.add_module(module, cursor, directory, depth);
            }
            Err(range) => {
                let location = Location::new(&module.source, range);
                let fault = Diagnostic::error("this is not Rust").at(location, "cannot be read from here on");
                self.fault(fault, self.cfgs(module.parent, &module.cfgs));
                self.scan.modules.push(module);
            }
        }
    }

    fn add_module(&mut self, module: Module, cursor: Cursor, directory: Directory, depth: usize) {
        let id = ModuleId(self.scan.modules.len());
        let is_never = cfg::is_never(&module.cfgs);
        self.scan.modules.push(module);
        if !is_never {
            self.work.push((cursor, Context { module: id, directory, depth, block: None }));
        }
    }

    fn items(&mut self, cursor: &mut Cursor, mut context: Context) {
        // Conditions of an item that is not read in detail still hold for the blocks inside it.
        let mut pending = Vec::new();
        let mut function = None;
        while !cursor.is_at_end() {
            let attributes = Attributes::outer(cursor);
            let is_left_out = cfg::is_never(&attributes.cfgs);
            let visibility = visibility(cursor);
            if self.item(cursor, &attributes, visibility, &mut context) {
                (pending, function) = (Vec::new(), None);
                continue;
            }
            if !attributes.cfgs.is_empty() || is_left_out {
                pending = attributes.cfgs;
            }
            match cursor.advance() {
                Some(TokenTree::Ident(ident)) if ident == "fn" => {
                    function = cursor.peek_ident(0).map(|name| (name.to_string(), name.span()));
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == ';' => {
                    (pending, function) = (Vec::new(), None)
                }
                Some(TokenTree::Group(group)) => {
                    self.block(&group, &context, &pending, function.as_ref());
                    if group.delimiter() == Delimiter::Brace {
                        (pending, function) = (Vec::new(), None);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads one item of interest; `false` if no such item begins here.
    fn item(
        &mut self,
        cursor: &mut Cursor,
        attributes: &Attributes,
        visibility: Visibility,
        context: &mut Context,
    ) -> bool {
        if let Some((name, body)) = cursor.attempt(module_head) {
            self.module(&name, body, attributes, visibility, context);
            return true;
        }
        if cursor.keyword("use").is_some() {
            for leaf in cursor.use_tree() {
                self.add_use(context, attributes, visibility.clone(), leaf.path, leaf.name);
            }
            return true;
        }
        if let Some((path, name)) = cursor.attempt(extern_crate) {
            if attributes.has_macro_use {
                self.add_use(context, attributes, Visibility::Crate, path.clone(), UseName::MacroUse);
            }
            self.add_use(context, attributes, visibility, path, UseName::Named(name));
            return true;
        }
        if let Some((name, is_alias)) = cursor.attempt(type_head) {
            self.type_item(cursor, &name, is_alias, attributes, visibility, context);
            return true;
        }
        if let Some((name, body, is_definition)) = cursor.attempt(macro_call) {
            self.macro_item(&name, &body, is_definition, attributes, context);
            return true;
        }
        false
    }

    fn module(
        &mut self,
        name: &Ident,
        body: Option<Group>,
        attributes: &Attributes,
        visibility: Visibility,
        context: &mut Context,
    ) {
        if cfg::is_never(&attributes.cfgs) {
            return;
        }
        let parent = self.home(context);
        let location = self.locate(context.module, name.span());
        if self.has_too_many_modules(context) {
            let message = format!("module `{name}` is nested too deeply, or there are too many modules");
            let cfgs = self.cfgs(Some(parent), &attributes.cfgs);
            self.fault(Diagnostic::error(message).at(location, "not followed"), cfgs);
            return;
        }
        let depth = context.depth + 1;
        let declared = Declared {
            name: name.to_string(),
            parent,
            visibility,
            location,
            depth,
            macro_call: None,
            is_guess: false,
        };
        let Some(body) = body else {
            self.file_modules(&declared, attributes, context);
            return;
        };
        let source = Arc::clone(&self.scan.module(context.module).source);
        for (cfgs, path) in alternatives(attributes) {
            let mut module = declared.module(ModuleKind::Inline, &source, cfgs);
            let mut cursor = Cursor::new(body.stream());
            module.add_cfgs(Attributes::inner(&mut cursor).cfgs);
            let directory = context.directory.inline(declared.plain(), path.as_deref());
            self.add_module(module, cursor, directory, depth);
        }
    }

    fn has_too_many_modules(&self, context: &Context) -> bool {
        context.depth >= MAX_DEPTH || self.scan.modules.len() >= MAX_MODULES
    }

    /// `mod name;`: one module for each file that it may stand for.
    fn file_modules(&mut self, declared: &Declared, attributes: &Attributes, context: &Context) {
        let (faults, missing) = (self.scan.faults.len(), self.scan.missing.len());
        for (cfgs, path) in alternatives(attributes) {
            let candidates = match &path {
                Some(path) => vec![context.directory.at_path(path)],
                None => context.directory.candidates(declared.plain()),
            };
            let all_cfgs = self.cfgs(Some(declared.parent), &cfgs);
            match self.find(&candidates, declared, &all_cfgs) {
                Found::File(source, directory) => {
                    let module = declared.module(ModuleKind::File, &source, cfgs);
                    self.add_file_module(module, directory, declared.depth);
                }
                Found::Nothing => {
                    for (path, _) in candidates {
                        self.missing(&path, declared, &all_cfgs);
                    }
                }
                Found::Refused => {}
            }
        }
        if self.is_in_macro(declared) {
            // The macro may drop it.
            self.scan.faults.truncate(faults);
        }
        if declared.is_guess {
            self.scan.missing.truncate(missing);
        }
    }

    fn find(&mut self, candidates: &[(PathBuf, Directory)], declared: &Declared, cfgs: &[Cfg]) -> Found {
        for (path, directory) in candidates {
            match (self.read)(path) {
                Ok(_) if self.is_open(path, declared.parent) => {
                    let message = format!("module `{}` is the file that it is declared in", declared.name);
                    let fault = Diagnostic::error(message).at(declared.location.clone(), "circular");
                    self.fault(fault, cfgs.to_vec());
                    return Found::Refused;
                }
                Ok(bytes) => return Found::File(self.source(path, bytes, cfgs), directory.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => {
                    let message = format!("cannot read `{}`: {error}", path.display());
                    let fault = Diagnostic::error(message).at(declared.location.clone(), "declared here");
                    self.fault(fault, cfgs.to_vec());
                    self.missing(path, declared, cfgs);
                    return Found::Refused;
                }
            }
        }
        Found::Nothing
    }

    fn missing(&mut self, path: &Path, declared: &Declared, cfgs: &[Cfg]) {
        let is_in_block =
            self.scan.ancestors(declared.parent).any(|(_, around)| around.kind == ModuleKind::Block);
        let is_in_macro = self.is_in_macro(declared);
        let module = (!is_in_block && !is_in_macro)
            .then(|| format!("{}::{}", self.scan.path(declared.parent).join("::"), declared.name));
        self.scan.missing.push(Missing { path: path.to_owned(), module, is_in_macro, cfgs: cfgs.to_vec() });
    }

    fn is_in_macro(&self, declared: &Declared) -> bool {
        declared.macro_call.is_some() || self.scan.macro_around(declared.parent).is_some()
    }

    /// Whether `path` is already being read for `module` or a module around it.
    fn is_open(&self, path: &Path, module: ModuleId) -> bool {
        let path = normal(path);
        self.scan.ancestors(module).any(|(_, around)| normal(around.source.path()) == path)
    }

    fn add_use(
        &mut self,
        context: &mut Context,
        attributes: &Attributes,
        visibility: Visibility,
        path: PathText,
        name: UseName,
    ) {
        if cfg::is_never(&attributes.cfgs) {
            return;
        }
        let home = self.home(context);
        self.scan.modules[home.0].uses.push(Use { path, name, visibility, cfgs: attributes.cfgs.clone() });
    }

    fn type_item(
        &mut self,
        cursor: &mut Cursor,
        name: &Ident,
        is_alias: bool,
        attributes: &Attributes,
        visibility: Visibility,
        context: &mut Context,
    ) {
        let before = cursor.peek(0).map(TokenTree::span);
        let parameters = cursor.angle_brackets().filter(Cursor::has_parameters);
        let generics = parameters.and_then(|range| {
            let last = cursor.token(range.end - 1)?.span();
            Some(self.text(context.module, before?, last))
        });
        if !is_alias {
            skip_to_end_of_type(cursor);
        }
        if cfg::is_never(&attributes.cfgs) {
            return;
        }
        let location = self.locate(context.module, name.span());
        let home = self.home(context);
        self.scan.modules[home.0].types.push(TypeItem {
            name: name.to_string(),
            visibility,
            cfgs: attributes.cfgs.clone(),
            docs: attributes.docs.clone(),
            derives: attributes.derives.clone(),
            has_query: attributes.has_query,
            generics,
            location,
        });
    }

    fn macro_item(
        &mut self,
        name: &Ident,
        body: &Group,
        is_definition: bool,
        attributes: &Attributes,
        context: &mut Context,
    ) {
        if cfg::is_never(&attributes.cfgs) {
            return;
        }
        let text = self.text(context.module, body.span(), body.span());
        if name == "include" && !is_definition {
            self.included(name, body, context);
        } else if text.contains("mod ") {
            self.modules_in_macro(name, body, context);
            if is_definition && declares_parameter(body.stream()) {
                self.module_macros.insert(name.to_string());
            }
        } else if context.block.is_none() {
            self.calls.push((name.clone(), body.clone(), context.clone()));
        }
        if !text.contains("derive") {
            return;
        }
        let derives = derives_among(body.stream());
        if derives.is_empty() {
            return;
        }
        let location = self.locate(context.module, name.span());
        let cfgs = attributes.cfgs.clone();
        let home = self.home(context);
        let item = MacroItem { name: name.to_string(), is_definition, cfgs, derives, location };
        self.scan.modules[home.0].macros.push(item);
    }

    /// Queues the inside of a function, an `impl` or any other group, if it may declare something.
    fn block(
        &mut self,
        group: &Group,
        context: &Context,
        pending: &[Cfg],
        function: Option<&(String, Span)>,
    ) {
        if cfg::is_never(pending) || !may_declare(&self.text(context.module, group.span(), group.span())) {
            return;
        }
        let mut cursor = Cursor::new(group.stream());
        let inner = Attributes::inner(&mut cursor).cfgs;
        if cfg::is_never(&inner) {
            return;
        }
        let is_in_block =
            context.block.is_none() && self.scan.module(context.module).kind == ModuleKind::Block;
        if is_in_block && function.is_none() && pending.is_empty() && inner.is_empty() {
            self.work.push((cursor, context.clone()));
            return;
        }
        let mut block = match (&context.block, function) {
            (Some(block), None) => block.clone(),
            (around, function) => Block {
                name: function.map_or_else(|| "_".to_owned(), |(name, _)| name.clone()),
                cfgs: around.as_ref().map(|block| block.cfgs.clone()).unwrap_or_default(),
                location: self.locate(context.module, function.map_or(group.span_open(), |(_, span)| *span)),
            },
        };
        for cfg in pending.iter().cloned().chain(inner) {
            cfg::push(&mut block.cfgs, cfg);
        }
        let directory = context.directory.block();
        self.work.push((cursor, Context { block: Some(block), directory, ..context.clone() }));
    }

    /// The module that items of this context belong to. Turns a block into a module.
    fn home(&mut self, context: &mut Context) -> ModuleId {
        let Some(block) = context.block.take() else { return context.module };
        let source = Arc::clone(&self.scan.module(context.module).source);
        let parent = Some(context.module);
        let mut module = Module::new(&block.name, ModuleKind::Block, parent, &source, block.location);
        module.cfgs = block.cfgs;
        context.module = ModuleId(self.scan.modules.len());
        self.scan.modules.push(module);
        context.module
    }

    fn locate(&self, module: ModuleId, span: Span) -> Location {
        Location::new(&self.scan.module(module).source, span.byte_range())
    }

    fn text(&self, module: ModuleId, first: Span, last: Span) -> String {
        let range = first.byte_range().start..last.byte_range().end;
        Location::new(&self.scan.module(module).source, range).text().to_owned()
    }
}

/// A `mod name` in the source.
struct Declared {
    name: String,
    parent: ModuleId,
    visibility: Visibility,
    location: Location,
    depth: usize,
    /// The macro call that it stands in.
    macro_call: Option<Location>,
    /// Whether it is only a name from which a macro may make a module.
    is_guess: bool,
}

impl Declared {
    /// The name without `r#`.
    fn plain(&self) -> &str {
        self.name.strip_prefix("r#").unwrap_or(&self.name)
    }

    fn module(&self, kind: ModuleKind, source: &Arc<SourceFile>, cfgs: Vec<Cfg>) -> Module {
        let mut module = Module::new(&self.name, kind, Some(self.parent), source, self.location.clone());
        module.visibility = self.visibility.clone();
        module.macro_call.clone_from(&self.macro_call);
        module.add_cfgs(cfgs);
        module
    }
}

enum Found {
    File(Arc<SourceFile>, Directory),
    Nothing,
    /// The file exists, but was rejected, and a fault says why.
    Refused,
}

impl Module {
    fn new(
        name: &str,
        kind: ModuleKind,
        parent: Option<ModuleId>,
        source: &Arc<SourceFile>,
        location: Location,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            parent,
            visibility: Visibility::Private,
            cfgs: Vec::new(),
            macro_call: None,
            source: Arc::clone(source),
            location,
            uses: Vec::new(),
            types: Vec::new(),
            macros: Vec::new(),
        }
    }

    fn add_cfgs(&mut self, cfgs: Vec<Cfg>) {
        for cfg in cfgs {
            cfg::push(&mut self.cfgs, cfg);
        }
    }
}

/// The conditions and `#[path]`s under which one `mod` may be compiled. The first `path` that applies wins.
fn alternatives(attributes: &Attributes) -> Vec<(Vec<Cfg>, Option<String>)> {
    let mut found = Vec::new();
    let mut before = attributes.cfgs.clone();
    for (conditions, path) in &attributes.paths {
        let mut cfgs = before.clone();
        for condition in conditions {
            cfg::push(&mut cfgs, condition.clone());
        }
        if !cfg::is_never(&cfgs) {
            found.push((cfgs, Some(path.clone())));
        }
        cfg::push(&mut before, Cfg::all(conditions.clone()).negated());
    }
    if !cfg::is_never(&before) {
        found.push((before, None));
    }
    found
}

/// Whether a block may contain a `derive`, or a module with a file: a quick check, so that most bodies cost nothing.
fn may_declare(text: &str) -> bool {
    text.contains("derive") || text.contains("mod ") && text.contains("path")
}

/// The path without `.` and, where that is safe, without `..`.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
