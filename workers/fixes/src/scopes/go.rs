//! stub
use crate::source::ParsedFile;
/// stub
#[derive(Debug, Default)]
pub struct Names<'t>(std::marker::PhantomData<&'t ()>);
impl<'t> Names<'t> {
    pub(crate) fn resolve(_: &ParsedFile<'t>) -> Self { Self::default() }
}
