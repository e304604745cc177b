//! What macro calls hide: the files of modules that are declared among their tokens, and files that `include!`
//! includes. Nothing here is a fault, since what a macro makes of its tokens is unknown.

use std::io;
use std::path::Path;
use std::sync::Arc;

use proc_macro2::{Group, Ident, TokenTree};

use super::{Context, Declared, Directory, Walk};
use crate::cfg;
use crate::scan::attributes::Attributes;
use crate::scan::cursor::Cursor;
use crate::scan::heads::{declares_file, module_head, visibility};
use crate::scan::lex::lex;
use crate::scan::{Module, ModuleKind, Visibility};
use crate::source::{Location, SourceFile};
use crate::tokens::string_value;

impl<R: FnMut(&Path) -> io::Result<Vec<u8>>> Walk<R> {
    /// Walks the modules with files that are declared among the tokens of a macro call.
    pub(super) fn modules_in_macro(&mut self, name: &Ident, body: &Group, context: &mut Context) {
        if !declares_file(body.stream()) {
            return;
        }
        let call = self.locate(context.module, name.span());
        let known = self.scan.modules.len();
        let parent = self.home(context);
        let mut work = vec![(Cursor::new(body.stream()), Context { module: parent, ..context.clone() })];
        while let Some((mut cursor, inside)) = work.pop() {
            while !cursor.is_at_end() {
                let attributes = Attributes::outer(&mut cursor);
                let visibility = visibility(&mut cursor);
                if let Some((name, body)) = cursor.attempt(module_head) {
                    let declared = self.declared_in_macro(&name, visibility, &call, &inside);
                    if cfg::is_never(&attributes.cfgs) || self.has_too_many_modules(&inside) {
                        continue;
                    }
                    match body {
                        None => self.file_modules(&declared, &attributes, &inside),
                        Some(body) if declares_file(body.stream()) => {
                            work.push((
                                Cursor::new(body.stream()),
                                self.inline_in_macro(&declared, &attributes, &inside),
                            ));
                        }
                        Some(_) => {}
                    }
                } else if let Some(TokenTree::Group(group)) = cursor.advance() {
                    work.push((Cursor::new(group.stream()), inside.clone()));
                }
            }
        }
        if !self.scan.modules[known..].iter().any(|module| module.kind == ModuleKind::File) {
            self.scan.unread.push(call);
        }
    }

    /// Walks the modules that a macro makes of the names that it is given, if files with these names exist.
    pub(super) fn modules_of_names(&mut self, name: &Ident, body: &Group, context: &Context) {
        let call = self.locate(context.module, name.span());
        let mut work = vec![body.stream()];
        while let Some(tokens) = work.pop() {
            for token in tokens {
                match token {
                    TokenTree::Ident(name) if !self.has_too_many_modules(context) => {
                        let declared = self.declared_in_macro(&name, Visibility::Private, &call, context);
                        let declared = Declared { is_guess: true, ..declared };
                        self.file_modules(&declared, &Attributes::default(), context);
                    }
                    TokenTree::Group(group) => work.push(group.stream()),
                    _ => {}
                }
            }
        }
    }

    fn declared_in_macro(
        &self,
        name: &Ident,
        visibility: Visibility,
        call: &Location,
        context: &Context,
    ) -> Declared {
        Declared {
            name: name.to_string(),
            parent: context.module,
            visibility,
            location: self.locate(context.module, name.span()),
            depth: context.depth + 1,
            macro_call: Some(call.clone()),
            is_guess: false,
        }
    }

    /// `mod name { ... }` among the tokens of a macro call; only the files in it are of interest.
    fn inline_in_macro(
        &mut self,
        declared: &Declared,
        attributes: &Attributes,
        context: &Context,
    ) -> Context {
        let source = Arc::clone(&self.scan.module(context.module).source);
        let module = declared.module(ModuleKind::Inline, &source, attributes.cfgs.clone());
        self.scan.modules.push(module);
        let path = attributes.paths.first().map(|(_, path)| path.as_str());
        Context {
            module: crate::scan::ModuleId(self.scan.modules.len() - 1),
            directory: context.directory.inline(declared.plain(), path),
            depth: declared.depth,
            block: None,
        }
    }

    /// Walks the file of an `include!("...")` as a part of the module around it.
    pub(super) fn included(&mut self, name: &Ident, body: &Group, context: &mut Context) {
        let call = self.locate(context.module, name.span());
        let mut tokens = body.stream().into_iter();
        let file = match (tokens.next(), tokens.next()) {
            (Some(TokenTree::Literal(literal)), None) => string_value(&literal.to_string()),
            _ => None,
        };
        let around = Arc::clone(&self.scan.module(context.module).source);
        let path = file.map(|file| around.path().parent().unwrap_or(Path::new("")).join(file));
        let text = path.as_ref().and_then(|path| String::from_utf8((self.read)(path).ok()?).ok());
        let (Some(path), Some(text)) = (path, text) else {
            self.scan.unread.push(call);
            return;
        };
        let source = SourceFile::new(&path, text);
        self.scan.files.push(Arc::clone(&source));
        let may_hide = source.text().contains("derive") || source.text().contains("mod ");
        if !may_hide || self.is_open(&path, context.module) || self.has_too_many_modules(context) {
            return;
        }
        let Ok(tokens) = lex(source.text()) else { return };
        let parent = Some(self.home(context));
        let mut module = Module::new("include!", ModuleKind::Included, parent, &source, call.clone());
        module.macro_call = Some(call);
        self.add_module(module, Cursor::new(tokens), Directory::same_folder(&path), context.depth + 1);
    }
}
