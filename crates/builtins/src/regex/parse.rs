//! From a pattern to a graph of nodes.
//!
//! The grammar is POSIX extended regular expressions as the reference reads them: a backslash may
//! only escape one of `. [ \ ( ) * + ? { | ^ $`, a quantifier may follow another quantifier but
//! neither an assertion nor nothing, `]` and `}` are ordinary outside their constructs, and there
//! are no back references. Every quantifier becomes a [`Node::Repeat`], `?` and intervals
//! included; that decides which match is found, see `program`.
//!
//! Intervals copy their operand. The copies count against [`NODE_LIMIT`] together with the empty
//! nodes that the construction leaves, so that the same patterns are refused for size as under the
//! reference. Nesting lives on an explicit stack: no input overflows the native one.

use super::class::{ByteSet, class_by_name, collating_element};

/// Index of a node in a [`Graph`].
pub(super) type NodeId = u32;

/// The link of a node that nothing has been appended to yet.
const OPEN: NodeId = NodeId::MAX;

/// The most nodes a pattern may need.
const NODE_LIMIT: usize = 100_000;

/// Why a pattern was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegexError {
    /// The pattern is malformed.
    Invalid,
    /// The pattern needs more states than are allowed.
    TooLarge,
}

/// One step of the automaton.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    /// Nothing; goes on to `next`.
    Empty { next: NodeId },
    /// Consumes one byte of the set with this index.
    Set { set: u32, next: NodeId },
    /// Where capture group `group` begins.
    Open { group: u32, next: NodeId },
    /// Where capture group `group` ends.
    Close { group: u32, next: NodeId },
    /// `^`
    LineBegin { next: NodeId },
    /// `$`
    LineEnd { next: NodeId },
    /// A quantifier: the body first; `next` only if that finds no match.
    Repeat { body: NodeId, next: NodeId },
    /// `|`: both are tried, the longer match wins, the first among equals.
    Either { first: NodeId, second: NodeId },
    /// The end of the pattern.
    Accept,
}

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) sets: Vec<ByteSet>,
    pub(super) start: NodeId,
    /// Number of capture groups, the whole match not counted.
    pub(super) n_groups: u32,
}

/// Part of a graph with one entry and one open end.
#[derive(Clone, Copy)]
struct Fragment {
    start: NodeId,
    end: NodeId,
}

/// A disjunction that is being read: the whole pattern, or what follows a `(`.
struct Level {
    /// The alternatives before the last `|`.
    before: Option<Fragment>,
    /// The alternative being read.
    current: Option<Fragment>,
    /// The node of the parenthesis and the number of its group.
    open: (NodeId, u32),
}

struct Parser<'p> {
    pattern: &'p [u8],
    at: usize,
    nodes: Vec<Node>,
    sets: Vec<ByteSet>,
    n_groups: u32,
}

/// Parses `pattern`.
pub(super) fn parse(pattern: &[u8]) -> Result<Graph, RegexError> {
    let mut parser = Parser {
        pattern,
        at: 0,
        nodes: Vec::new(),
        sets: Vec::new(),
        n_groups: 0,
    };
    let whole = parser.pattern_levels()?;
    let accept = parser.push(Node::Accept)?;
    parser.link(whole.end, accept);
    Ok(Graph {
        nodes: parser.nodes,
        sets: parser.sets,
        start: whole.start,
        n_groups: parser.n_groups,
    })
}

impl Parser<'_> {
    fn pattern_levels(&mut self) -> Result<Fragment, RegexError> {
        let new_level = |open| Level {
            before: None,
            current: None,
            open,
        };
        // The reference brackets the whole pattern in a group as well; its two nodes count.
        self.push(Node::Empty { next: OPEN })?;
        self.push(Node::Empty { next: OPEN })?;
        let mut levels = Vec::new();
        let mut level = new_level((OPEN, 0));
        loop {
            let byte = self.pattern.get(self.at).copied();
            self.at += 1;
            let atom = match byte {
                None => {
                    if !levels.is_empty() {
                        return Err(RegexError::Invalid);
                    }
                    return self.close_level(level);
                }
                Some(b'|') => {
                    self.close_alternative(&mut level)?;
                    continue;
                }
                Some(b'(') => {
                    let group = self.n_groups;
                    self.n_groups += 1;
                    let open = self.push(Node::Open { group, next: OPEN })?;
                    levels.push(std::mem::replace(&mut level, new_level((open, group))));
                    continue;
                }
                Some(b')') => {
                    let outer = levels.pop().ok_or(RegexError::Invalid)?;
                    let inner = std::mem::replace(&mut level, outer);
                    let (open, group) = inner.open;
                    let body = self.close_level(inner)?;
                    let close = self.push(Node::Close { group, next: OPEN })?;
                    self.link(open, body.start);
                    self.link(body.end, close);
                    Fragment {
                        start: open,
                        end: close,
                    }
                }
                Some(b'^') => {
                    let id = self.push(Node::LineBegin { next: OPEN })?;
                    self.append(&mut level, Fragment { start: id, end: id });
                    continue;
                }
                Some(b'$') => {
                    let id = self.push(Node::LineEnd { next: OPEN })?;
                    self.append(&mut level, Fragment { start: id, end: id });
                    continue;
                }
                Some(b'*' | b'+' | b'?' | b'{' | 0) => return Err(RegexError::Invalid),
                Some(b'.') => self.set(ByteSet::any())?,
                Some(b'[') => {
                    let set = self.bracket()?;
                    self.set(set)?
                }
                Some(b'\\') => {
                    let escaped = self.pattern.get(self.at).copied();
                    self.at += 1;
                    match escaped {
                        Some(
                            byte @ (b'.' | b'[' | b'\\' | b'(' | b')' | b'*' | b'+' | b'?' | b'{'
                            | b'|' | b'^' | b'$'),
                        ) => self.set(ByteSet::single(byte))?,
                        _ => return Err(RegexError::Invalid),
                    }
                }
                Some(byte) => self.set(ByteSet::single(byte))?,
            };
            let quantified = self.quantifiers(atom)?;
            self.append(&mut level, quantified);
        }
    }

    /// Ends the alternative being read and joins it to those before.
    fn close_alternative(&mut self, level: &mut Level) -> Result<(), RegexError> {
        let trailing = self.push(Node::Empty { next: OPEN })?;
        self.append(
            level,
            Fragment {
                start: trailing,
                end: trailing,
            },
        );
        let alternative = level.current.take().expect("just appended to");
        level.before = Some(match level.before {
            None => alternative,
            Some(before) => {
                let end = self.push(Node::Empty { next: OPEN })?;
                self.link(before.end, end);
                self.link(alternative.end, end);
                let start = self.push(Node::Either {
                    first: before.start,
                    second: alternative.start,
                })?;
                Fragment { start, end }
            }
        });
        Ok(())
    }

    fn close_level(&mut self, mut level: Level) -> Result<Fragment, RegexError> {
        self.close_alternative(&mut level)?;
        Ok(level.before.expect("an alternative was just closed"))
    }

    fn append(&mut self, level: &mut Level, fragment: Fragment) {
        level.current = Some(match level.current {
            None => fragment,
            Some(current) => self.concat(current, fragment),
        });
    }

    fn concat(&mut self, left: Fragment, right: Fragment) -> Fragment {
        self.link(left.end, right.start);
        Fragment {
            start: left.start,
            end: right.end,
        }
    }

    fn set(&mut self, set: ByteSet) -> Result<Fragment, RegexError> {
        let known = self.sets.iter().rposition(|known| *known == set);
        let set_idx = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        let id = self.push(Node::Set {
            set: set_idx as u32,
            next: OPEN,
        })?;
        Ok(Fragment { start: id, end: id })
    }

    fn quantifiers(&mut self, mut operand: Fragment) -> Result<Fragment, RegexError> {
        while let Some(&byte) = self.pattern.get(self.at) {
            if !matches!(byte, b'*' | b'+' | b'?' | b'{') {
                break;
            }
            self.at += 1;
            if byte == b'{' {
                operand = self.interval(operand)?;
                continue;
            }
            let repeat = self.push(Node::Repeat {
                body: operand.start,
                next: OPEN,
            })?;
            operand = match byte {
                b'*' => {
                    self.link(operand.end, repeat);
                    Fragment {
                        start: repeat,
                        end: repeat,
                    }
                }
                b'+' => {
                    self.link(operand.end, repeat);
                    Fragment {
                        start: operand.start,
                        end: repeat,
                    }
                }
                _ => {
                    let end = self.push(Node::Empty { next: OPEN })?;
                    self.link(operand.end, end);
                    self.link(repeat, end);
                    Fragment { start: repeat, end }
                }
            };
        }
        Ok(operand)
    }

    /// Reads the rest of `{n}`, `{n,}` or `{n,m}` and expands it into copies of `operand`.
    fn interval(&mut self, operand: Fragment) -> Result<Fragment, RegexError> {
        let n_least = self.number()?;
        let mut n_more = Some(0);
        if self.pattern.get(self.at) == Some(&b',') {
            self.at += 1;
            n_more = match self.pattern.get(self.at) {
                Some(byte) if byte.is_ascii_digit() => Some(self.number()? - n_least),
                _ => None,
            };
        }
        if self.pattern.get(self.at) != Some(&b'}') {
            return Err(RegexError::Invalid);
        }
        self.at += 1;
        let id = self.push(Node::Empty { next: OPEN })?;
        let mut result = Fragment { start: id, end: id };
        for _ in 0..n_least {
            let copy = self.copy(operand)?;
            result = self.concat(result, copy);
        }
        let Some(n_more) = n_more else {
            let copy = self.copy(operand)?;
            let repeat = self.push(Node::Repeat {
                body: copy.start,
                next: OPEN,
            })?;
            self.link(copy.end, repeat);
            let tail = Fragment {
                start: repeat,
                end: repeat,
            };
            return Ok(self.concat(result, tail));
        };
        if n_more < 0 {
            return Err(RegexError::Invalid);
        }
        let end = self.push(Node::Empty { next: OPEN })?;
        for _ in 0..n_more {
            let copy = self.copy(operand)?;
            let repeat = self.push(Node::Repeat {
                body: copy.start,
                next: end,
            })?;
            self.link(result.end, repeat);
            result.end = copy.end;
        }
        self.link(result.end, end);
        result.end = end;
        Ok(result)
    }

    fn number(&mut self) -> Result<i64, RegexError> {
        let digits = self.pattern[self.at.min(self.pattern.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return Err(RegexError::Invalid);
        }
        let mut value = 0i64;
        for byte in &self.pattern[self.at..self.at + digits] {
            value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        }
        self.at += digits;
        // The reference keeps 32 bits of it.
        Ok(i64::from(value as i32))
    }

    /// Copies the nodes of `fragment`.
    fn copy(&mut self, fragment: Fragment) -> Result<Fragment, RegexError> {
        let mut copies = std::collections::HashMap::new();
        let mut originals = vec![fragment.start];
        let mut order = Vec::new();
        while let Some(id) = originals.pop() {
            if copies.contains_key(&id) {
                continue;
            }
            let node = self.nodes[id as usize];
            let copy = self.push(node)?;
            copies.insert(id, copy);
            order.push(copy);
            for link in node.links() {
                let leaves = id == fragment.end && Some(link) == node.next();
                if link != OPEN && !leaves {
                    originals.push(link);
                }
            }
        }
        for copy in order {
            self.nodes[copy as usize].map_links(|link| copies.get(&link).copied().unwrap_or(OPEN));
        }
        Ok(Fragment {
            start: copies[&fragment.start],
            end: copies[&fragment.end],
        })
    }

    fn push(&mut self, node: Node) -> Result<NodeId, RegexError> {
        self.nodes.push(node);
        if self.nodes.len() > NODE_LIMIT {
            return Err(RegexError::TooLarge);
        }
        Ok(self.nodes.len() as NodeId - 1)
    }

    fn link(&mut self, from: NodeId, to: NodeId) {
        let next = match &mut self.nodes[from as usize] {
            Node::Empty { next }
            | Node::Set { next, .. }
            | Node::Open { next, .. }
            | Node::Close { next, .. }
            | Node::LineBegin { next }
            | Node::LineEnd { next }
            | Node::Repeat { next, .. } => next,
            Node::Either { .. } | Node::Accept => unreachable!("these never end a fragment"),
        };
        *next = to;
    }

    /// Reads a bracket expression; `self.at` is behind the `[`.
    fn bracket(&mut self) -> Result<ByteSet, RegexError> {
        let negated = self.pattern.get(self.at) == Some(&b'^');
        if negated {
            self.at += 1;
        }
        let mut set = ByteSet::default();
        let mut last = Last::Nothing;
        let mut at_start = true;
        loop {
            let term = self.bracket_term(at_start)?;
            match term {
                Term::End => break,
                Term::Byte(byte) | Term::Collating(byte) => {
                    set.insert(byte);
                    last = Last::Byte(byte);
                }
                Term::Class(class) => {
                    set.insert_all(&class);
                    last = Last::Class;
                }
                Term::Dash if at_start => {
                    set.insert(b'-');
                    last = Last::Byte(b'-');
                }
                Term::Dash => match (last, self.bracket_term(false)?) {
                    (_, Term::End) => {
                        set.insert(b'-');
                        break;
                    }
                    (Last::Byte(first), Term::Byte(end)) => {
                        if !set.insert_range(first, end) {
                            return Err(RegexError::Invalid);
                        }
                        last = Last::Nothing;
                    }
                    (Last::Byte(first), Term::Dash) => {
                        if !set.insert_range(first, b'-') {
                            return Err(RegexError::Invalid);
                        }
                        last = Last::Nothing;
                    }
                    _ => return Err(RegexError::Invalid),
                },
            }
            at_start = false;
        }
        Ok(if negated { set.complement() } else { set })
    }

    fn bracket_term(&mut self, at_start: bool) -> Result<Term, RegexError> {
        let &byte = self.pattern.get(self.at).ok_or(RegexError::Invalid)?;
        self.at += 1;
        match byte {
            b'-' => Ok(Term::Dash),
            b']' if !at_start => Ok(Term::End),
            b'[' => match self.pattern.get(self.at) {
                None => Err(RegexError::Invalid),
                Some(b'.') => {
                    let name = self.bracket_name(b'.')?;
                    let byte = collating_element(name).ok_or(RegexError::Invalid)?;
                    Ok(Term::Collating(byte))
                }
                Some(b':') => {
                    let name = self.bracket_name(b':')?;
                    class_by_name(name)
                        .map(Term::Class)
                        .ok_or(RegexError::Invalid)
                }
                Some(b'=') => {
                    let name = self.bracket_name(b'=')?;
                    let byte = collating_element(name).ok_or(RegexError::Invalid)?;
                    let mut class = ByteSet::single(byte.to_ascii_lowercase());
                    class.insert(byte.to_ascii_uppercase());
                    Ok(Term::Class(class))
                }
                Some(_) => Ok(Term::Byte(b'[')),
            },
            _ => Ok(Term::Byte(byte)),
        }
    }

    /// Reads `:name:]` and the like; `self.at` is at the first delimiter.
    fn bracket_name(&mut self, delimiter: u8) -> Result<&[u8], RegexError> {
        self.at += 1;
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        let n = rest
            .iter()
            .position(|&byte| byte == delimiter)
            .ok_or(RegexError::Invalid)?;
        if rest.get(n + 1) != Some(&b']') {
            return Err(RegexError::Invalid);
        }
        self.at += n + 2;
        Ok(&rest[..n])
    }
}

/// One item of a bracket expression.
enum Term {
    Byte(u8),
    /// A named element: it may begin a range but not end one.
    Collating(u8),
    Class(ByteSet),
    Dash,
    End,
}

/// What stood before a dash.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    Byte(u8),
    Class,
}

impl Node {
    /// The link that a fragment ending in this node has open.
    fn next(&self) -> Option<NodeId> {
        match *self {
            Node::Empty { next }
            | Node::Set { next, .. }
            | Node::Open { next, .. }
            | Node::Close { next, .. }
            | Node::LineBegin { next }
            | Node::LineEnd { next }
            | Node::Repeat { next, .. } => Some(next),
            Node::Either { .. } | Node::Accept => None,
        }
    }

    /// All links; a node with one link gives it twice.
    fn links(&self) -> [NodeId; 2] {
        match *self {
            Node::Repeat { body, next } => [body, next],
            Node::Either { first, second } => [first, second],
            Node::Accept => [OPEN, OPEN],
            _ => [self.next().unwrap_or(OPEN), OPEN],
        }
    }

    fn map_links(&mut self, map: impl Fn(NodeId) -> NodeId) {
        match self {
            Node::Repeat { body: a, next: b }
            | Node::Either {
                first: a,
                second: b,
            } => {
                *a = map(*a);
                *b = map(*b);
            }
            Node::Empty { next }
            | Node::Set { next, .. }
            | Node::Open { next, .. }
            | Node::Close { next, .. }
            | Node::LineBegin { next }
            | Node::LineEnd { next } => *next = map(*next),
            Node::Accept => {}
        }
    }
}
