//! Values as JSON for structured attributes.

use firn_eval::{ContextId, Ctx, ErrorKind, Fail, Val};

/// Appends a value as JSON, and adds its context.
pub(crate) fn value_to_json<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    _out: &mut Vec<u8>,
    _context: &mut ContextId,
) -> Result<(), Fail> {
    let message = format!(
        "'__structuredAttrs' is not supported: cannot write {} as JSON",
        ctx.type_name(value)
    );
    Err(ctx.error(ErrorKind::Eval, message))
}
