//! Strings and paths put together from parts: interpolation and `+`.

use firn_heap::{ContextId, Kind};
use firn_ir::{Node, NodeId, Pos};
use firn_source::CanonicalPath;

use super::Env;
use crate::coerce::Coercion;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, Fail};

/// Bytes that most strings fit in, so that they need not grow on the way.
const USUAL: usize = 120;

const SEGMENT: &str = "while evaluating a path segment";

impl<'h> Ctx<'h> {
    /// `left + right` where the left operand is no number.
    #[inline(never)]
    pub(super) fn concat_two(
        &mut self,
        env: &Env<'h>,
        node: &Node,
        left: Val<'h>,
        left_pos: Pos,
    ) -> Res<'h> {
        if let Some(left_str) = left.as_str() {
            let right = self.operand(env, node.b)?;
            if let Some(right_str) = right.as_str() {
                return Ok(self.join(left_str, right_str));
            }
            let mut joined = Joined::new(Kind::String, left_str.context());
            joined.bytes.extend_from_slice(left_str.bytes());
            self.append(&mut joined, env, right, Pos(node.c), false)?;
            return self.finish_joined(env, node, &joined);
        }
        let kind = left.kind();
        let mut joined = Joined::new(kind, ContextId::EMPTY);
        self.append(&mut joined, env, left, left_pos, true)?;
        let right = self.operand(env, node.b)?;
        self.append(&mut joined, env, right, Pos(node.c), false)?;
        self.finish_joined(env, node, &joined)
    }

    fn join(&self, left: firn_heap::Str<'h>, right: firn_heap::Str<'h>) -> Val<'h> {
        let (l, r) = (left.bytes(), right.bytes());
        let context = self
            .heap()
            .contexts()
            .union(left.context(), right.context());
        Val::string_of(&self.alloc, l.len() + r.len(), context, |place| {
            let (first, second) = place.split_at_mut(l.len());
            first.copy_from_slice(l);
            second.copy_from_slice(r);
        })
    }

    /// Interpolation, and paths with interpolated parts.
    #[inline(never)]
    pub(super) fn strings(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let mut parts = env
            .code
            .list(node.a, node.b as usize * 2)
            .chunks_exact(2)
            .map(|part| (part[0] as NodeId, Pos(part[1])));
        let mut joined = Joined::new(Kind::String, ContextId::EMPTY);
        if node.k == 0
            && let Some((first, pos)) = parts.next()
        {
            let value = self.operand(env, first)?;
            joined.kind = value.kind();
            if matches!(joined.kind, Kind::Int | Kind::Float) {
                return Ok(value);
            }
            self.append(&mut joined, env, value, pos, true)?;
        }
        for (part, pos) in parts {
            let value = self.operand(env, part)?;
            self.append(&mut joined, env, value, pos, false)?;
        }
        self.finish_joined(env, node, &joined)
    }

    fn append(
        &mut self,
        joined: &mut Joined,
        env: &Env<'h>,
        value: Val<'h>,
        pos: Pos,
        first: bool,
    ) -> Result<(), Fail> {
        if let Some(str) = value.as_str() {
            joined.bytes.extend_from_slice(str.bytes());
            joined.context = self.heap().contexts().union(joined.context, str.context());
            return Ok(());
        }
        if first && let Some(path) = value.as_path() {
            joined.root = path.root;
            joined.bytes.extend_from_slice(path.bytes);
            return Ok(());
        }
        let coercion = Coercion {
            more: false,
            copy_to_store: joined.kind != Kind::Path,
        };
        let place = env.place(pos);
        self.coerce_into(
            value,
            coercion,
            place,
            SEGMENT,
            &mut joined.bytes,
            &mut joined.context,
        )
    }

    fn finish_joined(&mut self, env: &Env<'h>, node: &Node, joined: &Joined) -> Res<'h> {
        if joined.kind != Kind::Path {
            if joined.bytes.is_empty() && joined.context.is_empty() {
                return Ok(self.empty_str);
            }
            return Ok(self.new_str_with(&joined.bytes, joined.context));
        }
        if !joined.context.is_empty() {
            return Err(self.error_at(
                env.place(node.pos),
                ErrorKind::Eval,
                "a string that refers to a store path cannot be appended to a path",
            ));
        }
        let path = CanonicalPath::new(&joined.bytes);
        Ok(Val::path(&self.alloc, joined.root, path.as_bytes()))
    }
}

/// A string or path under construction.
struct Joined {
    /// The kind of the first part, which decides what the result is.
    kind: Kind,
    bytes: Vec<u8>,
    context: ContextId,
    root: u32,
}

impl Joined {
    fn new(kind: Kind, context: ContextId) -> Self {
        Self {
            kind,
            bytes: Vec::with_capacity(USUAL),
            context,
            root: 0,
        }
    }
}
