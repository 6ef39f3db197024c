//! `--serve [--write]`: the serve protocol on standard input and output.

use std::io::{BufReader, BufWriter};
use std::sync::Arc;

use firn_daemon::{LegacyServer, serve_legacy_client};
use firn_events::Level;
use firn_store::{Store, StoreError};
use firn_store_model::serve::ServeBuildOptions;

use super::Wanted;
use crate::{Context, Failure};

pub(super) fn serve(context: &mut Context, wanted: &Wanted) -> Result<u8, Failure> {
    let [may_write] = wanted.only_flags(["--write"])?;
    wanted.no_words()?;
    let mut input = BufReader::with_capacity(64 * 1024, std::io::stdin().lock());
    let mut output = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut server = StoreOfSettings { context };
    serve_legacy_client(&mut server, &mut input, &mut output, may_write)?;
    Ok(0)
}

struct StoreOfSettings<'a> {
    context: &'a mut Context,
}

impl StoreOfSettings<'_> {
    fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        self.context
            .open_store()
            .map_err(|failure| StoreError::other(failure.to_string()))
    }
}

impl LegacyServer for StoreOfSettings<'_> {
    fn store(&mut self) -> Result<Arc<dyn Store>, StoreError> {
        self.open()
    }

    fn store_for_build(
        &mut self,
        options: &ServeBuildOptions,
    ) -> Result<Arc<dyn Store>, StoreError> {
        self.context.console.set_level(Level::Error);
        let settings = &mut self.context.settings;
        let build = &mut settings.build;
        build.keep_build_log = false;
        build.max_silent_time = i64::try_from(options.max_silent_time).unwrap_or(i64::MAX);
        build.timeout = i64::try_from(options.timeout).unwrap_or(i64::MAX);
        build.max_build_log_size = options.max_log_size;
        build.run_diff_hook = true;
        build.keep_failed = options.keep_failed;
        settings.store.substitute = false;
        self.open()
    }
}
